import { join } from 'node:path';
import { z } from 'zod';
import { systemCode } from '../../agent/base/errors.ts';
import { readText, replaceFile } from '../files.ts';
import type { ConsignationLine } from './consignation.ts';

const FILE = 'watched.json';

const numbers = z.record(z.string(), z.int().min(0));
const numbered = z.object({ partner_line: z.int().min(1) });

/** Lines of the partner's register that were not received: by number among those of the partner at that box. */
export interface MissedLines {
  readonly site: string;
  readonly from: number;
  readonly to: number;
}

/**
 * Which line of each box a partner has received last. Boxes number them from 1, under their signature, so that nobody on
 * the way can hide that one is missing.
 */
export class LineCount {
  readonly #file: string;
  readonly #last: Record<string, number>;

  private constructor(file: string, last: Record<string, number>) {
    this.#file = file;
    this.#last = last;
  }

  /** @param folder of the partner */
  static async open(folder: string): Promise<LineCount> {
    const file = join(folder, FILE);
    const text = await readText(file).catch((thrown: Error) => {
      if (systemCode(thrown.cause) === 'ENOENT') return '{}';
      throw thrown;
    });
    return new LineCount(file, numbers.parse(JSON.parse(text)));
  }

  /** @returns what was missed before this line; a late one, or a box that counts anew, misses nothing */
  async take({ report, verified }: ConsignationLine): Promise<MissedLines | undefined> {
    const number = verified ? numberOf(report.line_detail) : undefined;
    if (number === undefined) return undefined;
    const { site } = report;
    const last = this.#last[site];
    if (last !== undefined && number <= last && number > 1) return undefined;
    this.#last[site] = number;
    await replaceFile(this.#file, `${JSON.stringify(this.#last)}\n`);
    return last !== undefined && number > last + 1 ? { site, from: last + 1, to: number - 1 } : undefined;
  }
}

function numberOf(detail: string): number | undefined {
  try {
    return numbered.parse(JSON.parse(detail)).partner_line;
  } catch {
    return undefined;
  }
}

import { join } from 'node:path';
import { daysIn, daysOfMonth, isDay, isMonth, type Period } from '../base/days.ts';
import { ConfigurationError } from '../base/errors.ts';
import { quoted } from '../base/text.ts';
import { readBoxFile } from '../config/box-file.ts';
import { factsOnDisk } from '../reports/facts.ts';
import { composeReport, type Report, stretchOf } from '../reports/report.ts';
import { readTimelineOf } from '../store/read-timeline.ts';
import type { Language } from './language.ts';
import { reportTables } from './report-csv.ts';
import { reportMarkdown } from './report-markdown.ts';
import { writeWhole } from './write-file.ts';

export interface ReportOptions {
  readonly config: string;
  readonly language: Language;
  readonly month: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Folder that the files are written to. */
  readonly out: string;
}

/** Longer ones are not kept. */
const LONGEST_DAYS = 400;

/**
 * `beffroi report`: writes the report on a period, by what is on the disk of the box, so that it also works when no agent
 * runs. The files of the same period are replaced.
 * @returns the exit code
 * @throws ConfigurationError `command-line-invalid`, `report-unwritable`; InternalError `store-damaged`
 */
export async function writeReport(options: ReportOptions): Promise<number> {
  const period = periodOf(options);
  if (stretchOf(period).fromMs > Date.now())
    throw invalid('a period that has begun', `${period.from} to ${period.to}`);
  const { site, stateFolder } = await readBoxFile(options.config);
  const { fromMs, untilMs } = stretchOf(period);
  const { memory, ...disk } = readTimelineOf(stateFolder, fromMs, untilMs);
  const report = composeReport({ site, period, nowMs: Date.now(), ...disk, ...factsOnDisk(memory) });
  const written = await writeAll(report, options);
  console.log(written.join('\n'));
  if (report.lines.length > 0) return 0;
  console.error(NOTHING_KNOWN[options.language]);
  return 1;
}

const NOTHING_KNOWN = {
  fr: "Rien n'est connu de cette période.",
  en: 'Nothing is known of this period.',
};

function periodOf({ month, from, to }: ReportOptions): Period {
  if (month !== undefined && from === undefined && to === undefined) {
    if (isMonth(month)) return daysOfMonth(month);
    throw invalid('--month: a month such as 2026-10', month);
  }
  if (month !== undefined || from === undefined || to === undefined)
    throw invalid('--month, or --from and --to', 'something else');
  for (const day of [from, to]) if (!isDay(day)) throw invalid('a day such as 2026-10-01', day);
  const days = daysIn({ from, to }).length;
  if (days < 1 || days > LONGEST_DAYS) throw invalid(`1 to ${LONGEST_DAYS} days`, `${from} to ${to}`);
  return { from, to };
}

async function writeAll(report: Report, { out, month }: ReportOptions): Promise<string[]> {
  const { from, to } = report.period;
  const stem = `rapport-${report.site}-${month ?? `${from}_${to}`}`;
  const files = Object.entries(reportTables(report)).map(([end, text]) => [`${stem}-${end}.csv`, text]);
  const all = [[`${stem}.md`, reportMarkdown(report)], ...files];
  return await Promise.all(all.map(([name = '', text = '']) => writeWhole(join(out, name), text)));
}

function invalid(expected: string, came: string): ConfigurationError {
  return new ConfigurationError('command-line-invalid', `expected ${expected}, came ${quoted(came)}`);
}

import { join } from 'node:path';
import { readOnly } from '../../agent/store/read-only.ts';
import { everyLine } from '../../agent/store/register-lines.ts';
import type { RegisterLine } from '../../agent/store/store.ts';
import type { Scene } from './scene.ts';

/** The lines of the register of a box, read beside its running agent. */
export function registerOf({ folder }: Scene, action: string): RegisterLine[] {
  const lines = readOnly(join(folder, 'state'), (sql) => [...everyLine(sql)]) ?? [];
  return lines.filter((line) => line.action === action);
}

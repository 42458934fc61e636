/** `npm run bench -- NAME [MORE …] [--json] [--counts 8,20]`: runs one bench and prints its figures. */
import { parseArgs } from 'node:util';
import { alarms } from './alarms.ts';
import { health } from './health/run.ts';
import { picture } from './picture/run.ts';
import { relay } from './relay.ts';
import { report } from './report.ts';
import { start } from './start.ts';
import { view } from './view.ts';

export interface Figure {
  readonly value: number;
  readonly unit: string;
}
export type Figures = Record<string, Figure>;

/** What may be asked of a bench. */
export interface BenchOptions {
  /** Numbers of cameras, where a bench goes through several. */
  readonly counts?: readonly number[];
  /** What else was named. */
  readonly more: readonly string[];
}

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<Figures>>> = {
  alarms,
  health,
  picture: ({ more }) => picture(more),
  relay,
  report,
  start,
  view,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, counts: { type: 'string' } },
});
const [name = '', ...more] = positionals;
const bench = BENCHES[name];
if (!bench) {
  console.error(`expected one of: ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}
const counts = values.counts?.split(',').map(Number);
if (counts?.some((count) => !Number.isInteger(count) || count < 1)) {
  console.error(`expected numbers of cameras, came ${values.counts}`);
  process.exit(2);
}
const figures = await bench({ more, ...(counts ? { counts } : {}) });
if (values.json) console.log(JSON.stringify({ bench: name, figures }));
else
  for (const [key, { value, unit }] of Object.entries(figures))
    console.log(`${key.padEnd(28)} ${value} ${unit}`);
process.exit(0);

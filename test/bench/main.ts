/** `npm run bench -- NAME [MORE …] [--json]`: runs one bench and prints its figures. */
import { parseArgs } from 'node:util';
import { alarms } from './alarms.ts';
import { picture } from './picture/run.ts';
import { relay } from './relay.ts';
import { start } from './start.ts';
import { video } from './video.ts';

export interface Figure {
  readonly value: number;
  readonly unit: string;
}
export type Figures = Record<string, Figure>;

const BENCHES: Readonly<Record<string, (more: readonly string[]) => Promise<Figures>>> = {
  alarms,
  picture,
  relay,
  start,
  video,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
});
const [name = '', ...more] = positionals;
const bench = BENCHES[name];
if (!bench) {
  console.error(`expected one of: ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}
const figures = await bench(more);
if (values.json) console.log(JSON.stringify({ bench: name, figures }));
else
  for (const [key, { value, unit }] of Object.entries(figures))
    console.log(`${key.padEnd(28)} ${value} ${unit}`);
process.exit(0);

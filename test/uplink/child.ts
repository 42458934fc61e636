import { setImmediate as turn } from 'node:timers/promises';
import { systemClock } from '../../agent/base/clock.ts';
import { Uplink } from '../../agent/uplink/uplink.ts';
import { quietLog, SITE, store } from './parts.ts';

/** A process to be killed: `child.ts FOLDER BROKER FIRST`. Raises events numbered from FIRST and prints each number after it is on disk. */
const [folder = '', broker = '', first = '0'] = process.argv.slice(2);
const held = store(folder);
const uplink = new Uplink(
  { clock: systemClock, log: quietLog().log, random: Math.random, store: held, clockTrust: () => 'synced' },
  { site: SITE, brokers: [broker], plainLoopback: true, software: '0.1.0' },
);
await uplink.start(new AbortController().signal);
for (let i = Number(first); i < Number(first) + 2000; i += 1) {
  uplink.reporter.event('fault', 'collector', {
    cause: 'internal',
    fault: 'ourselves',
    side: 'box',
    detail: String(i),
  });
  process.stdout.write(`${i}\n`);
  await turn();
}

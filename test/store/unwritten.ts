import { writeSync } from 'node:fs';
import type { OutboxClass } from '../../agent/contract/delivery.ts';
import { appendText, openFor } from './support.ts';

/**
 * Appends events until the disk takes no more, then one of each class and some more in memory alone, of which the broker
 * acknowledges one; says which numbers are in memory alone, and waits to be killed.
 */
const [folder = '', runtimeFolder = '', more = '4'] = process.argv.slice(2);
const { store } = openFor(folder, undefined, { runtimeFolder });
let last = store.outbox.last;
while (store.durable) last = appendText(store, '.'.repeat(3000));
const appendOf = (its: OutboxClass) =>
  store.outbox.append((seq) => ({
    topic: `csu/v1/57463-mairie/pt-${its}/event/alarm`,
    payload: `id-${seq} text`,
    id: `id-${seq}`,
    class: its,
  }));
const given = (['life-safety', 'intrusion', 'technical', 'service'] as const).map(appendOf);
for (let n = given.length; n < Number(more); n += 1) given.push(appendOf('technical'));
store.outbox.acknowledge(given.slice(1, 2));
writeSync(1, `${JSON.stringify([last, ...given])}\n`);
setInterval(() => undefined, 60_000);

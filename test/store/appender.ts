import { writeSync } from 'node:fs';
import { appendText, ENTRY, openFor } from './support.ts';

/** Appends events with rising texts until it is killed, and says of each on standard output when it is durable. */
const [folder = '', from = '0', to = 'Infinity'] = process.argv.slice(2);
const { store } = openFor(folder);
for (let n = Number(from); n <= Number(to); n += 1) {
  store.transaction(() => {
    appendText(store, String(n));
    store.register.append({ ...ENTRY, detail: String(n) });
  });
  writeSync(1, `${n}\n`);
}
setInterval(() => undefined, 60_000);

/**
 * A receiver of panels in a process of its own that ends with SIGKILL after so many of its commits:
 * `dying.ts FOLDER CONFIGURATION COMMITS WALL_MS`. Says when it listens; the commits are counted from then on. Its clock
 * stands still: nothing but a message makes it write.
 */
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { connect } from 'node:net';
import type { AlarmConfiguration } from '../../../agent/alarms/ports.ts';
import type { Store } from '../../../agent/store/store.ts';
import { TestClock } from '../../support/test-clock.ts';
import { Watch } from '../watch.ts';

const [folder = '', configuration = '', commits = '0', wallMs = '0'] = process.argv.slice(2);
let left = Number.POSITIVE_INFINITY;
let depth = 0;

/** Runs what may end in a commit. */
function counted<T>(work: () => T): T {
  depth += 1;
  try {
    return work();
  } finally {
    depth -= 1;
    if (depth === 0) left -= 1;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
  }
}

function mortal(store: Store): Store {
  const { boot, outbox, register, journal, slots, stories, timeline, memory } = store;
  return {
    ...{ boot, outbox, register, journal, slots, stories, timeline },
    get durable() {
      return store.durable;
    },
    get ranMs() {
      return store.ranMs;
    },
    memory: {
      get: (room, key) => memory.get(room, key),
      entries: (room) => memory.entries(room),
      set: (room, key, value) => counted(() => memory.set(room, key, value)),
      delete: (room, key) => counted(() => memory.delete(room, key)),
    },
    transaction: (work) => counted(() => store.transaction(work)),
    onFault: (listener) => store.onFault(listener),
    close: () => store.close(),
  };
}

const nobody = undefined;
const clock = new TestClock(Number(wallMs));
const watch = new Watch(folder, clock, () => undefined, nobody, nobody, nobody, mortal);
await watch.begin(JSON.parse(configuration) as AlarmConfiguration);
const { port } = JSON.parse(configuration).panels[0].listen as { port: number };
while (!(await isOpen()));
left = Number(commits);
writeSync(1, 'listening\n');

function isOpen(): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return once(socket, 'connect').then(
    () => Boolean(socket.destroy()),
    () => false,
  );
}

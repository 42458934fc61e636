import t, { type Test } from 'tap';
import { CommandDesk } from '../../agent/commands/desk.ts';
import type { CommandPorts } from '../../agent/commands/ports.ts';
import type { CommandEvent } from '../../agent/contract/messages.ts';
import type { CommandName } from '../../agent/contract/orders.ts';
import type { Reporter } from '../../agent/contract/reporter.ts';
import { type CommandWords, signCommand } from '../../provisioning/sign.ts';
import { CAMERA, POINT, ScriptedCamera, Watch } from '../alarms/watch.ts';
import { type Box, enrolledBox, SITE } from '../config/fixture.ts';
import type { TestClock } from '../support/test-clock.ts';

type Status = CommandEvent['status'];
const WHO = { by: 'Opérateur 12', why: 'agent sur place' };
const HOUR_S = 3600;

/** One start of alarms and commands on the same folder, with the real alarms behind the desk. */
class Start {
  readonly watch: Watch;
  readonly camera = new ScriptedCamera();
  readonly desk: CommandDesk;
  readonly told: [Status, string][] = [];
  readonly #clock: TestClock;

  /** @param dies at the status that the process does not live to tell */
  constructor(t: Test, box: Box, folder: string, dies?: Status) {
    this.#clock = box.clock;
    this.watch = new Watch(folder, box.clock, () => this.camera);
    t.teardown(() => this.watch.end());
    const event: Reporter['event'] = (_key, _entity, fields) => {
      const { status, detail } = fields as unknown as CommandEvent;
      if (status === dies) throw new Error('killed');
      this.told.push([status, detail]);
    };
    this.desk = new CommandDesk({
      ...{ site: SITE, keyring: box.keys.keyring, clock: box.clock, refusals: box.refusals },
      clockTrust: () => 'synced',
      store: this.watch.store,
      reporter: { event },
      ports: { alarms: this.watch.room.decisions } as unknown as CommandPorts,
    });
  }

  async begin(): Promise<void> {
    await this.desk.start();
    await this.watch.start([POINT], [CAMERA]);
    await this.#clock.advance(0);
  }
}

interface Case {
  readonly command: CommandName;
  readonly words: (start: Start, nowS: number) => CommandWords;
  /** What stands before the order. */
  readonly before?: (start: Start) => void;
}

const alarmOf = ({ watch }: Start) => String(watch.shown().alarm);
const shelve = ({ watch }: Start) =>
  watch.room.decisions.shelve(POINT.id, watch.clock.wallMs() + HOUR_S * 1000, { ...WHO, signer: 'other' });
const announce = ({ watch }: Start) => {
  const startMs = watch.clock.wallMs();
  const window = { id: 'window-of-another-order', points: [POINT.id], startMs, endMs: startMs + 1e6 };
  watch.room.decisions.announce(window, { ...WHO, signer: 'other' });
};

const CASES: readonly Case[] = [
  { command: 'alarm.acknowledge', words: (start) => ({ alarm: alarmOf(start), ...WHO }) },
  { command: 'alarm.close', words: (start) => ({ alarm: alarmOf(start), ...WHO }) },
  {
    command: 'alarm.shelve',
    words: (_, nowS) => ({ point: POINT.id, until: nowS + HOUR_S, ...WHO }),
  },
  {
    command: 'alarm.shelve',
    words: (_, nowS) => ({ point: POINT.id, until: nowS + HOUR_S, ...WHO }),
    before: shelve,
  },
  { command: 'alarm.unshelve', words: () => ({ point: POINT.id, by: WHO.by }), before: shelve },
  {
    command: 'maintenance.announce',
    words: (_, nowS) => ({ points: [POINT.id], start: nowS, end: nowS + HOUR_S, ...WHO }),
  },
  {
    command: 'maintenance.cancel',
    words: () => ({ window: 'window-of-another-order', ...WHO }),
    before: announce,
  },
];

/** Killed at `dies`; what the next start tells of the order. */
async function toldAfterKill(t: Test, { command, words, before }: Case, dies: Status): Promise<unknown> {
  const box = await enrolledBox(t);
  const folder = t.testdir();
  const killed = new Start(t, box, folder, dies);
  await killed.begin();
  killed.camera.input('1', true);
  before?.(killed);
  const nowMs = box.clock.wallMs();
  const request = { site: SITE, command, ...words(killed, Math.floor(nowMs / 1000)) };
  const { jws } = await signCommand(box.csu, request, nowMs);
  await t.rejects(killed.desk.receive(Buffer.from(jws), false), { message: /killed/ });
  await killed.watch.end();
  const next = new Start(t, box, folder);
  await next.begin();
  return next.told;
}

for (const one of CASES) {
  const title = `${one.command}${one.before ? ', something standing before' : ''}`;
  t.test(`commands: ${title}: killed after the effect, the next start says that it is so`, async (t) => {
    t.match(await toldAfterKill(t, one, 'successful'), [['successful', /^done; the agent stopped/]]);
  });
  t.test(`commands: ${title}: killed before the effect, the next start says that it failed`, async (t) => {
    t.match(await toldAfterKill(t, one, 'executing'), [['failed', /stopped before/]]);
  });
}

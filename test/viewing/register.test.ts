import t, { type Test } from 'tap';
import type { RegisterLine } from '../../agent/store/store.ts';
import { readLeasedMessage } from '../../agent/trust/leased-media.ts';
import { signOrder } from '../../agent/trust/sign.ts';
import { leaseOrder, PARTNER } from '../trust/lease-parts.ts';
import { OPERATOR, SITE } from '../trust/support.ts';
import { World } from './world.ts';

/** What a closing may wait for the count of the video process, ms. */
const TOLD_WITHIN_MS = 10_000;
const LEASE_S = 4;

interface Sent {
  readonly id: string;
  readonly opens: boolean;
}

/** An evening at the box: every order about views and leases, of which some are refused. */
class Evening {
  readonly world: World;
  readonly sent: Sent[] = [];

  constructor(world: World) {
    this.world = world;
  }

  async run(): Promise<void> {
    const first = await this.#lease();
    await this.world.pictures();
    await this.#order('lease.close', { camera: 'cam-hall', lease: first, operator: 'a.muller' }, PARTNER);
    const view = await this.#order('view.open', { ...VIEW, end: this.#nowS + 4 });
    await this.#order('view.extend', {
      ...{ camera: 'cam-parvis', view, operator: 'c.weber', reason: 'encore', end: this.#nowS + 8 },
    });
    await this.#order('view.close', { camera: 'cam-parvis', view, operator: 'c.weber' });
    const second = await this.#lease();
    await this.#order('lease.followup', {
      ...{ camera: 'cam-hall', lease: second, operator: 'c.weber', done: 'rien' },
    });
    await this.#lease({ operator: 'nobody' });
    await this.#order('view.open', { ...VIEW, end: this.#nowS + 2 });
    await this.#lease();
    await this.#pass(LEASE_S * 1000 + TOLD_WITHIN_MS);
  }

  get #nowS(): number {
    return Math.floor(this.world.clock.wallMs() / 1000);
  }

  async #lease(more: object = {}): Promise<string> {
    const nowS = this.#nowS;
    const times = { iat: nowS, exp: nowS + 60, start: nowS, end: nowS + LEASE_S };
    const order = leaseOrder({ ...times, ...more });
    await this.#send(order.jti, true, signOrder(order, [PARTNER]));
    return order.jti;
  }

  async #order(command: string, words: object, key = OPERATOR): Promise<string> {
    const { jti } = leaseOrder();
    const claims = { typ: 'command', aud: SITE, jti, iat: this.#nowS, exp: this.#nowS + 60 };
    await this.#send(jti, command.endsWith('.open'), signOrder({ ...claims, command, ...words }, [key]));
    return jti;
  }

  async #send(id: string, opens: boolean, jws: string): Promise<void> {
    this.sent.push({ id, opens });
    let done = false;
    const end = () => {
      done = true;
    };
    this.world.order(jws).then(end, end); // it may die over it
    await this.world.clock.advance(0);
    await this.world.decided();
    do await this.world.clock.advance(500);
    while (!done && this.world.agentLives);
    await this.#revive();
  }

  async #pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      await this.world.clock.advance(500);
      await this.#revive();
    }
  }

  /** What died is started again, as systemd does. */
  async #revive(): Promise<void> {
    if (this.world.agentLives) return;
    await this.world.killAgent();
    this.world.diesAfter = Number.POSITIVE_INFINITY;
    await this.world.startAgent();
    await this.world.clock.advance(1_000);
  }
}

const VIEW = { camera: 'cam-parvis', operator: 'c.weber', onBehalfOf: 'csu', reason: 'essai' };

/** @param diesAfter with which of its writes the agent dies @returns how many writes it made when it did not */
async function evening(t: Test, diesAfter: number): Promise<number> {
  const world = await World.create();
  const before = world.mortal.writes;
  await world.killAgent();
  world.diesAfter = diesAfter;
  await world.startAgent();
  await world.clock.advance(1_000);
  const played = new Evening(world);
  await played.run();
  isWhole(t, world, played.sent, diesAfter);
  const { writes } = world.mortal;
  await world.end();
  return before + writes;
}

const channelOf = ({ subject }: RegisterLine) => subject.split(' ')[1] ?? '';

/** Each line once, and each told once to the CSU, and to the partner whose camera it is. */
function isWhole(t: Test, world: World, sent: readonly Sent[], died: number): void {
  const lines = world.store.register.lines(1, 10_000);
  const ofChannels = lines.filter(({ action }) => /^(view|lease)\./.test(action));
  const count = (id: string, how: string) =>
    ofChannels.filter((line) => channelOf(line) === id && line.action.endsWith(how)).length;
  const accepted = (id: string) =>
    lines.some(({ action, subject }) => action === 'order.accepted' && subject.endsWith(id));
  /** Of the opening itself: an order that closes or extends names nobody on whose behalf. */
  const notOpened = (id: string) =>
    ofChannels.filter(
      (line) =>
        channelOf(line) === id && /refused$/.test(line.action) && !/"on_behalf_of":""/.test(line.detail),
    ).length;
  const wrong = sent.flatMap(({ id, opens }) => {
    const opened = count(id, '.opened');
    const faults = [
      opened <= 1 ? '' : `opened ${opened} times`,
      opened === count(id, '.closed') ? '' : `opened ${opened} times, closed ${count(id, '.closed')} times`,
      !opens || !accepted(id) || opened + notOpened(id) === 1 ? '' : 'accepted, and no line tells why not',
    ];
    return faults.filter(Boolean).map((fault) => `${id}: ${fault}`);
  });
  t.same(wrong, [], `killed at write ${died}`);
  const told = (key: string) =>
    world.waiting.filter((one) => one.key === key).map(({ fields }) => fields.line);
  const numbers = (some: readonly RegisterLine[]) => some.map(({ number }) => number);
  t.same(told('channel'), numbers(ofChannels), `killed at write ${died}: each line is told to the CSU once`);
  const ofPartner = ofChannels.filter(({ subject }) => subject.startsWith('cam-hall '));
  const partnerLines = ofPartner.map(({ detail }) => JSON.parse(detail).partner_line);
  t.same(
    partnerLines,
    [...partnerLines.keys()].map((index) => index + 1),
    'numbered without a gap',
  );
  t.same(told('consignation'), numbers(ofPartner), `killed at write ${died}: and those of the partner to it`);
}

t.test('register: an agent that is killed at any write tells each opening and closing once', async (t) => {
  const writes = await evening(t, Number.POSITIVE_INFINITY);
  t.ok(writes > 40, `${writes} writes`);
  for (let dies = 1; dies <= writes; dies += 1) await evening(t, dies);
});

/** A lease whose pictures have flowed for some seconds, and when that was. */
async function open(world: World): Promise<{ readonly id: string; readonly sinceMs: number }> {
  const sinceMs = world.clock.wallMs();
  const nowS = Math.floor(sinceMs / 1000);
  const order = leaseOrder({ iat: nowS, exp: nowS + 60, start: nowS, end: nowS + 600 });
  const done = world.order(signOrder(order, [PARTNER]));
  await world.clock.advance(0);
  await world.decided();
  await world.clock.advance(500);
  await done;
  await world.pictures(); // the last picture waits for the next, which tells how long it lasts
  await world.clock.advance(7_500);
  return { id: order.jti, sinceMs };
}

const closing = (world: World) =>
  world.events('consignation').find(({ action }) => action === 'lease.closed');

t.test(
  'register: a lease that closed while the agent was away ended then, with every picture counted',
  async (t) => {
    const world = await World.create();
    const { id } = await open(world);
    await world.pictures();
    const killedMs = world.clock.wallMs();
    await world.killAgent();
    await world.clock.pass(3_600_000);
    await world.startAgent();
    await world.clock.advance(TOLD_WITHIN_MS);
    t.match(closing(world), { channel: id, closed_by: 'agent', end: killedMs, frames: 9 });
    await world.end();
  },
);

t.test(
  'register: a lease that ended with agent and video process was last seen, and the line says so',
  async (t) => {
    const world = await World.create();
    const { id, sinceMs } = await open(world);
    await world.killAgent();
    await world.killVideo();
    const killedMs = world.clock.wallMs();
    await world.clock.pass(3_600_000);
    await world.startAgent();
    await world.clock.advance(TOLD_WITHIN_MS);
    const line = closing(world);
    t.match(line, { channel: id, closed_by: 'agent', frames: 4 }, 'what was counted is kept');
    const end = Number(line?.end);
    t.ok(
      end > sinceMs && end <= killedMs && end >= killedMs - 5_500,
      `it was seen ${killedMs - end} ms before`,
    );
    t.match(line?.detail, /closed with the agent between .*Z and .*Z/);
    await world.end();
  },
);

t.test(
  'register: of a video process that was killed every picture that left is counted, and the line says since when nothing is',
  async (t) => {
    const world = await World.create();
    const { id } = await open(world);
    await world.pictures();
    const left = world.published.length;
    t.ok(left > 5, `${left} messages`);
    const killedMs = world.clock.wallMs();
    await world.killVideo();
    await world.clock.advance(TOLD_WITHIN_MS);
    t.match(closing(world), {
      ...{ channel: id, closed_by: 'video', who: 'box', end: killedMs, frames: 9 },
      detail: `bytes and pictures are what the video process had told by ${new Date(killedMs).toISOString()}`,
    });
    const bytes = world.published.reduce(
      (sum, { payload }) => sum + (readLeasedMessage(payload)?.ciphertext.length ?? 0),
      0,
    );
    t.ok(bytes > 0 && bytes <= Number(closing(world)?.bytes), `${bytes} bytes left`);
    await world.end();
  },
);

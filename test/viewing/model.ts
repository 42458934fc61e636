import { deepEqual, ok } from 'node:assert/strict';
import type { Test } from 'tap';
import { mediaTopic } from '../../agent/contract/topics.ts';
import type { LeaseOpenOrder } from '../../agent/contract/viewing-orders.ts';
import type { SigningKey } from '../../agent/trust/keys.ts';
import { readLeasedMessage } from '../../agent/trust/leased-media.ts';
import { signOrder } from '../../agent/trust/sign.ts';
import type { ViewingConfiguration } from '../../agent/viewing/ports.ts';
import { fuzzStories } from '../support/fuzz.ts';
import * as fc from '../support/properties.ts';
import {
  CSU_SEAL,
  leaseOrder,
  NOW_S,
  newSealKey,
  OTHER_PARTNER,
  PARTNER,
  termsOf,
} from '../trust/lease-parts.ts';
import { encoded, newKey, OPERATOR, SITE } from '../trust/support.ts';
import { configurationOf, World } from './world.ts';

/**
 * A partner's camera is tried to be opened by every order, clock, restart and configuration that comes to mind. What may
 * be open is kept by a model that shares no code with the product: it knows the rules of the convention and nothing of
 * rooms, processes or messages.
 */

const OTHER_SEAL = newSealKey();
const STRANGER = newKey();
const THIRD_PARTNER = newKey();
/** What a closing may take, ms: looks and heartbeats, none of which the model knows. */
export const SLACK_MS = 1_500;
const HOUR_MS = 3_600_000;
const CONTROL_LOSS_MS = 20_000;

interface OpenLease {
  readonly id: string;
  /** A clock that went back behind it is in doubt. */
  readonly wallStartMs: number;
  readonly wallEndMs: number;
  readonly monotonicEndMs: number;
}

/** The configurations that come and go; all but the first two forbid what the lease of this test asks for. */
export const CONFIGURATIONS: Readonly<Record<string, () => ViewingConfiguration>> = {
  same: () => configurationOf(),
  'same camera at another address': () => configurationOf({}, 'entry-2'),
  'another partner': () => configurationOf({ keys: [THIRD_PARTNER.kid], partner: 'other' }),
  'convention over': () => configurationOf({ convention: { reference: 'x', validFromS: 0, validUntilS: 1 } }),
  'no hours now': () => configurationOf({ hours: [{ days: ['sun'], from: '03:00', to: '03:01' }] }),
  'other reasons': () => configurationOf({ reasons: ['trafficking'] }),
  'no operator': () =>
    configurationOf({ recipients: [{ id: 'csu', key: CSU_SEAL.publicJwk, operators: [] }] }),
  'no camera': () => ({ maxViewMinutes: 60, cameras: new Map() }),
  'not leased': () => ({
    maxViewMinutes: 60,
    cameras: new Map([['cam-hall', { regime: 'continuous', delivery: 'on-demand' }]]),
  }),
};
/** Under these the lease of this test may be opened. */
const ALLOWING = ['same', 'same camera at another address'];

/** Rules of the convention, told once more. */
class Model {
  open: OpenLease | undefined;
  configuration = 'same';
  /** The configuration that the video process goes by where no lease is needed: the last that it was told. */
  told: string | undefined = 'same';
  /** When the video process that runs was started. */
  videoSinceMs = 0;
  readonly used = new Set<string>();
  readonly #openings = new Map<string, number>();
  #linkLostAtMs: number | undefined;

  readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  get nowMs(): number {
    return this.world.clock.monotonicMs();
  }

  /** Whether pictures may go out at this moment, with the time that a closing may take. */
  allowsWithSlack(): boolean {
    return this.#until(SLACK_MS);
  }

  /** What has ended by itself. */
  settle(): void {
    if (!this.#until(0)) this.open = undefined;
  }

  link(up: boolean): void {
    if (up) this.#linkLostAtMs = undefined;
    else this.#linkLostAtMs ??= this.nowMs;
  }

  close(): void {
    this.open = undefined;
  }

  /** Whether an order of the partner that is otherwise in order may open now. */
  mayOpen({ jti, start, end, iat, exp }: LeaseOpenOrder, agentRuns: boolean, videoRuns: boolean): boolean {
    const nowS = this.world.clock.wallMs() / 1000;
    const inTime = iat <= nowS + 60 && nowS < exp && start <= nowS && nowS < end && end - start <= 3600;
    const { clockTrust, linkUp } = this.world;
    const trusted = clockTrust !== 'untrusted' && linkUp && agentRuns && videoRuns;
    const agreed = ALLOWING.includes(this.configuration) && this.#withinHours();
    if (iat < NOW_S - 1) return false; // signed before this box remembers anything
    if (this.isOld({ iat })) return false;
    return inTime && trusted && agreed && !this.used.has(jti) && this.open === undefined;
  }

  /** Signed before this video process began. */
  isOld({ iat }: Pick<LeaseOpenOrder, 'iat'>): boolean {
    return this.world.clock.wallMs() - iat * 1000 >= this.nowMs - this.videoSinceMs + 1000;
  }

  /** When it was opened, monotonic; undefined when it never was. */
  openedAtMs(jti: string): number | undefined {
    return this.#openings.get(jti);
  }

  opened({ jti, start, end }: LeaseOpenOrder): void {
    this.#openings.set(jti, this.nowMs);
    const wallMs = this.world.clock.wallMs();
    const wallStartMs = start * 1000;
    this.open = {
      id: jti,
      wallStartMs,
      wallEndMs: end * 1000,
      monotonicEndMs: this.nowMs + end * 1000 - wallMs,
    };
  }

  #until(slackMs: number): boolean {
    const { open } = this;
    if (!open) return false;
    const lostMs = this.#linkLostAtMs === undefined ? 0 : this.nowMs - this.#linkLostAtMs;
    const wallMs = this.world.clock.wallMs();
    const inTime = this.nowMs < open.monotonicEndMs && wallMs >= open.wallStartMs && wallMs < open.wallEndMs;
    return (
      inTime &&
      this.world.clockTrust !== 'untrusted' &&
      lostMs <= CONTROL_LOSS_MS + slackMs &&
      this.#withinHours()
    );
  }

  /** Monday to Friday, 8 to 20 o'clock in summer time, as the terms of the test say. */
  #withinHours(): boolean {
    const local = new Date(this.world.clock.wallMs() + 2 * HOUR_MS);
    const day = local.getUTCDay();
    return day >= 1 && day <= 5 && local.getUTCHours() >= 8 && local.getUTCHours() < 20;
  }
}

export type Step =
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'jump'; readonly ms: number }
  | { readonly do: 'trust'; readonly trust: World['clockTrust'] }
  | { readonly do: 'link'; readonly up: boolean; readonly silent?: boolean }
  | { readonly do: 'agent'; readonly how: 'kill' | 'stop' | 'start' }
  | { readonly do: 'video'; readonly how: 'kill' | 'start' }
  | { readonly do: 'configure'; readonly name: string }
  | { readonly do: 'open'; readonly minutes: number; readonly flaw: Flaw }
  | { readonly do: 'replay'; readonly back: number }
  | { readonly do: 'forge'; readonly how: Forgery }
  | { readonly do: 'close'; readonly by: 'partner' | 'csu' | 'followup' }
  | { readonly do: 'view'; readonly camera: string };

export const FLAWS = [
  ...[
    'csu',
    'stranger',
    'other partner',
    'other key',
    'recipient',
    'operator',
    'reason',
    'late',
    'early',
    'long',
  ],
  ...['other box', 'other camera', 'no camera', 'altered', 'unsigned', 'resigned'],
] as const;
type Flaw = 'none' | (typeof FLAWS)[number];

/** What comes to the door of the video process past the agent. */
export const FORGERIES = [...FLAWS, 'replayed', 'for another camera', 'by another name'] as const;
type Forgery = (typeof FORGERIES)[number];

const steps: fc.Arbitrary<Step>[] = [
  fc.record({
    do: fc.constant('wait' as const),
    ms: fc.constantFrom(0, 300, 2_000, 15_000, 30_000, 400_000),
  }),
  fc.record({
    do: fc.constant('jump' as const),
    ms: fc.constantFrom(-HOUR_MS, -90_000, 30_000, 600_000, 12 * HOUR_MS),
  }),
  fc.record({ do: fc.constant('trust' as const), trust: fc.constantFrom('synced', 'holdover', 'untrusted') }),
  fc.record({ do: fc.constant('link' as const), up: fc.boolean() }),
  fc.record({ do: fc.constant('agent' as const), how: fc.constantFrom('kill', 'stop', 'start') }),
  fc.record({ do: fc.constant('video' as const), how: fc.constantFrom('kill', 'start') }),
  fc.record({ do: fc.constant('configure' as const), name: fc.constantFrom(...Object.keys(CONFIGURATIONS)) }),
  fc.record({ do: fc.constant('replay' as const), back: fc.nat({ max: 3 }) }),
  fc.record({ do: fc.constant('forge' as const), how: fc.constantFrom(...FORGERIES) }),
  fc.record({ do: fc.constant('close' as const), by: fc.constantFrom('partner', 'csu', 'followup') }),
  fc.record({ do: fc.constant('view' as const), camera: fc.constantFrom('cam-hall', 'cam-parvis') }),
];
const opening: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('open' as const),
  minutes: fc.constantFrom(1, 5, 60),
  flaw: fc.oneof({ weight: 3, arbitrary: fc.constant<Flaw>('none') }, fc.constantFrom<Flaw>(...FLAWS)),
});
const story = fc.array(fc.oneof({ weight: 6, arbitrary: opening }, ...steps), {
  minLength: 5,
  maxLength: 30,
});

/** What was reached over all stories: a test that opened nothing would show nothing. */
export const reached = { opened: 0, pictures: 0, closed: 0, refused: 0, forged: 0, clear: 0 };

interface Sent {
  readonly order: LeaseOpenOrder;
  readonly jws: string;
  /** Signed by the partner, and nothing in it wrong. */
  readonly genuine: boolean;
}

export class Play {
  readonly #world: World;
  readonly #model: Model;
  readonly #orders: Sent[] = [];
  #agentRuns = true;
  #videoRuns = true;

  constructor(world: World) {
    this.#world = world;
    this.#model = new Model(world);
  }

  /** The lease that was sent last. */
  get lastOrder(): string {
    return this.#orders.at(-1)?.jws ?? '';
  }

  async run(story: readonly Step[]): Promise<void> {
    for (const step of story) {
      await this.#step(step);
      await this.#check();
    }
  }

  async #step(step: Step): Promise<void> {
    const world = this.#world;
    const model = this.#model;
    if (step.do === 'wait') await world.clock.advance(step.ms);
    else if (step.do === 'jump') await this.#noticed(() => world.clock.jumpWall(step.ms));
    else if (step.do === 'trust') await this.#noticed(() => (world.clockTrust = step.trust));
    else if (step.do === 'link') Object.assign(world, { linkUp: step.up, linkSilent: step.silent ?? false });
    else if (step.do === 'agent') await this.#agent(step.how);
    else if (step.do === 'video') await this.#video(step.how);
    else if (step.do === 'configure') await this.#configure(step.name);
    else if (step.do === 'open') await this.#open(step.minutes, step.flaw);
    else if (step.do === 'replay') await this.#replay(step.back);
    else if (step.do === 'forge') await this.#forge(step.how);
    else if (step.do === 'view') await this.#view(step.camera);
    else await this.#close(step.by);
    model.link(world.linkUp && !world.linkSilent);
    model.settle();
  }

  /** What nobody is told of is seen at the next look. */
  async #noticed(change: () => unknown): Promise<void> {
    change();
    await this.#world.clock.advance(SLACK_MS);
  }

  async #agent(how: 'kill' | 'stop' | 'start'): Promise<void> {
    const ends = how !== 'start' && this.#agentRuns;
    if (ends) this.#model.close();
    if (ends && how === 'kill') await this.#world.killAgent();
    if (ends && how === 'stop') await this.#world.stopAgent();
    if (how === 'start' && !this.#agentRuns) await this.#world.startAgent();
    this.#agentRuns = how === 'start' || (this.#agentRuns && !ends);
    this.#tellsVideo();
  }

  async #video(how: 'kill' | 'start'): Promise<void> {
    if (how === 'kill' && this.#videoRuns) {
      this.#model.close();
      await this.#world.killVideo();
    }
    if (how === 'start' && !this.#videoRuns) {
      await this.#world.clock.advance(1000); // as a process takes
      this.#model.videoSinceMs = this.#model.nowMs;
      await this.#world.startVideo();
    }
    this.#videoRuns = how === 'start';
    if (how === 'kill') this.#model.told = undefined;
    this.#tellsVideo();
  }

  #tellsVideo(): void {
    if (this.#agentRuns && this.#videoRuns) this.#model.told = this.#model.configuration;
  }

  async #configure(name: string): Promise<void> {
    if (name !== this.#model.configuration) this.#model.close();
    this.#model.configuration = name;
    const next = (CONFIGURATIONS[name] ?? configurationOf)();
    if (this.#agentRuns) this.#world.apply(next);
    else this.#world.configuration = next;
    await this.#world.clock.advance(0); // the pictures of before go
    this.#tellsVideo();
  }

  /** An operator of the CSU wants to see a camera without a lease. */
  async #view(camera: string): Promise<void> {
    if (!this.#agentRuns) return;
    const nowS = Math.floor(this.#world.clock.wallMs() / 1000);
    const claims = { typ: 'command', aud: SITE, jti: leaseOrder().jti, iat: nowS, exp: nowS + 60 };
    const words = { camera, operator: 'c.weber', onBehalfOf: 'CSU', reason: 'rixe', end: nowS + 300 };
    const done = this.#world.order(signOrder({ ...claims, ...words, command: 'view.open' }, [OPERATOR]));
    await this.#world.clock.advance(0);
    await done;
  }

  async #open(minutes: number, flaw: Flaw): Promise<void> {
    const sent = this.#signed(minutes, flaw);
    this.#orders.push(sent);
    await this.#send(sent);
  }

  /** Signs a lease of now. */
  #signed(minutes: number, flaw: Flaw): Sent {
    const nowS = Math.floor(this.#world.clock.wallMs() / 1000);
    const times = { iat: nowS, exp: nowS + 60, start: nowS, end: nowS + minutes * 60 };
    const order = leaseOrder({ ...times, ...flawOf(flaw, times) });
    const jws = spoilt(flaw, signOrder(order, [KEYS[flaw] ?? PARTNER]));
    return { order, jws, genuine: flaw === 'none' };
  }

  /** Someone who speaks as the agent hands the video process what the partner has not signed so, or not for now. */
  async #forge(how: Forgery): Promise<void> {
    const flaw = FLAWS.find((one) => one === how) ?? 'none';
    const sent = how === 'replayed' ? this.#openedBefore() : this.#signed(5, flaw);
    if (!sent) return;
    const { order, jws } = sent;
    const camera = how === 'for another camera' ? 'cam-parvis' : 'cam-hall';
    const pull = {
      camera,
      url: `rtsp://${camera}/`,
      transport: 'tcp' as const,
      fragmentMs: 20,
      stallTimeoutMs: 5000,
    };
    const lease = how === 'by another name' ? 'lease-by-another-name' : order.jti;
    const clock = this.#world.clockTrust;
    await this.#world.forge({ lease, jws, terms: termsOf(), clock, camera: { ...pull, regime: 'leased' } });
    // That it is refused is told, and an agent that has it open closes it.
    if (this.#agentRuns && this.#videoRuns && this.#model.open?.id === lease) this.#model.close();
    reached.forged += 1;
  }

  /** A lease that has opened once: in this video process, or in one before by a clock that was not set back since. */
  #openedBefore(): Sent | undefined {
    const model = this.#model;
    return this.#orders.findLast(({ order }) => {
      const openedMs = model.openedAtMs(order.jti);
      return openedMs !== undefined && (openedMs >= model.videoSinceMs || model.isOld(order));
    });
  }

  async #replay(back: number): Promise<void> {
    const sent = this.#orders.at(-1 - back);
    if (sent) await this.#send(sent);
  }

  async #send({ order, jws, genuine }: Sent): Promise<void> {
    if (!this.#agentRuns) return;
    const model = this.#model;
    const opens = genuine && model.mayOpen(order, this.#agentRuns, this.#videoRuns);
    // An order that is verified is spent, whatever becomes of it.
    const nowS = this.#world.clock.wallMs() / 1000;
    const taken =
      genuine && this.#world.clockTrust !== 'untrusted' && order.iat <= nowS + 60 && nowS < order.exp;
    const done = this.#world.order(jws);
    await this.#world.clock.advance(0);
    await done;
    if (taken) model.used.add(order.jti);
    if (opens) model.opened(order);
    const isOpen = this.#world.room.status().some(({ channel }) => channel === order.jti);
    if (opens)
      deepEqual(
        isOpen,
        true,
        `what the partner signed opens: ${JSON.stringify(this.#world.events().at(-1))}`,
      );
    if (!opens && model.open?.id !== order.jti) deepEqual(isOpen, false, 'nothing else opens');
    if (opens) reached.opened += 1;
    else reached.refused += 1;
  }

  async #close(by: 'partner' | 'csu' | 'followup'): Promise<void> {
    const lease = this.#model.open?.id;
    if (!this.#agentRuns || !lease || this.#world.clockTrust === 'untrusted') return;
    const nowS = Math.floor(this.#world.clock.wallMs() / 1000);
    const claims = { typ: 'command', aud: SITE, jti: leaseOrder().jti, iat: nowS, exp: nowS + 60 };
    const words = {
      camera: 'cam-hall',
      lease,
      operator: 'x',
      ...(by === 'followup' ? { done: 'rien' } : {}),
    };
    const command = by === 'followup' ? 'lease.followup' : 'lease.close';
    const done = this.#world.order(
      signOrder({ ...claims, ...words, command }, [by === 'partner' ? PARTNER : OPERATOR]),
    );
    await this.#world.clock.advance(0);
    await done;
    this.#model.close();
    reached.closed += 1;
  }

  /** The camera sends whatever it is asked for; what goes out must be allowed, and to nobody else. */
  async #check(): Promise<void> {
    const world = this.#world;
    const before = world.published.length;
    await world.pictures();
    const all = world.published.slice(before);
    const published = all.filter(({ topic }) => !topic.endsWith('/media/main'));
    this.#checkClear(all.filter(({ topic }) => topic === mediaTopic(SITE, 'cam-hall')).length);
    if (!this.#model.allowsWithSlack()) deepEqual(published.length, 0, 'no picture without a lease');
    for (const { topic, payload } of published) {
      deepEqual(topic, `csu/v1/${SITE}/cam-hall/media/csu`);
      deepEqual(readLeasedMessage(payload)?.lease, this.#model.open?.id);
      ok(!payload.includes('PICTURE-MARKER'), 'nothing of it in clear');
    }
    reached.pictures += published.length;
    if (this.#model.open) return;
    await world.clock.advance(SLACK_MS);
    this.#model.settle();
    deepEqual([...world.pulled.keys()], [], 'the camera is not even asked for pictures');
    deepEqual(world.lines, 0, 'and no connection is left');
  }

  /** What needs no lease goes by its list: a camera of a partner does not stand in it. */
  #checkClear(messages: number): void {
    if (this.#model.told !== 'not leased') {
      deepEqual(messages, 0, 'no picture in clear');
      ok(![...this.#world.plain.values()].includes('cam-hall'), 'nor asked for any');
    }
    reached.clear += messages;
  }
}

/** Who signs what the partner does not. */
const KEYS: Partial<Record<Flaw, SigningKey>> = {
  csu: OPERATOR,
  stranger: STRANGER,
  'other partner': OTHER_PARTNER,
};

function flawOf(flaw: Flaw, { start }: Pick<LeaseOpenOrder, 'start'>): Partial<LeaseOpenOrder> {
  const flawed: Partial<Record<Flaw, Partial<LeaseOpenOrder>>> = {
    'other key': { recipientKey: OTHER_SEAL.kid },
    recipient: { recipient: 'dipn' },
    operator: { operator: 'nobody' },
    reason: { reason: 'curiosity' as LeaseOpenOrder['reason'] },
    late: { iat: start - 120, exp: start - 60 },
    early: { start: start + 600, end: start + 1200 },
    long: { end: start + 3601 },
    'other box': { aud: '57672-mairie' },
    'other camera': { camera: 'cam-parvis' },
    'no camera': { camera: 'cam-nowhere' },
  };
  return flawed[flaw] ?? {};
}

/** What happens to an order after it was signed. */
function spoilt(flaw: Flaw, jws: string): string {
  const order = JSON.parse(jws) as { payload: string; signatures: object[] };
  const claims = JSON.parse(Buffer.from(order.payload, 'base64url').toString()) as LeaseOpenOrder;
  const longer = encoded({ ...claims, end: claims.end + 60 });
  if (flaw === 'altered') return JSON.stringify({ ...order, payload: longer });
  if (flaw === 'unsigned') return JSON.stringify({ ...order, signatures: [] });
  if (flaw !== 'resigned') return jws;
  // The key of a stranger under the name of the partner's.
  const [signature] = (JSON.parse(signOrder(claims, [STRANGER])) as typeof order).signatures;
  const [own] = order.signatures;
  return JSON.stringify({ ...order, signatures: [{ ...own, ...pick(signature, 'signature') }] });
}

function pick(from: object | undefined, key: string): object {
  return { [key]: (from as Record<string, unknown> | undefined)?.[key] };
}

export const OPEN: Step = { do: 'open', minutes: 5, flaw: 'none' };

/** Plays stories of steps that come to mind; each begins with an opening, so that none is empty. */
export async function playStories(t: Test, runs: number): Promise<void> {
  const property = fc.asyncProperty(story, async (steps) => {
    const world = await World.create();
    try {
      await new Play(world).run([OPEN, ...steps]);
    } finally {
      await world.end();
    }
  });
  await fuzzStories(t, 'leases', property, runs);
}

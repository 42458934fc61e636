import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import { deadline } from '../../base/deadline.ts';
import { asBeffroiError, BeffroiError, DeviceError, PeerProtocolError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { quoted } from '../../base/text.ts';
import { NoAnswerError } from '../http/connect.ts';
import type { SoapAnswer } from './answer.ts';
import { buildEnvelope } from './envelope.ts';
import { EventPace } from './event-pace.ts';
import { grantedMs, type OnvifEvent, readEvents } from './notification.ts';
import { NAMESPACES } from './services.ts';
import type { Soap } from './soap.ts';
import type { ServiceAddress } from './soap-call.ts';
import { httpPort, splitUri } from './uri.ts';
import { at, escapeXml, serializeXml, textAt, type XmlElement } from './xml.ts';

/** Takes what one run brings. What it throws ends the run. */
export interface EventHandler {
  /** The subscription stands; the states that the camera repeats at its start come as events. */
  subscribed(): void;
  event(event: OnvifEvent): void;
}

/** Keeps the subscription that is open over a crash, so that it can be gone on with or ended: cameras keep few of them. */
export interface SubscriptionMemory {
  load(): string | undefined;
  save(subscription: string): void;
  clear(): void;
}

/** How a camera takes times, once it is known; kept from run to run. */
export interface TimeForm {
  absolute?: boolean;
}

export interface PullPointNeeds {
  readonly times: TimeForm;
  readonly memory: SubscriptionMemory;
  readonly soap: Soap;
  /** How far the clock of the camera is ahead of the box, milliseconds. */
  readonly offsetMs: (signal: AbortSignal) => Promise<number>;
  readonly clock: Clock;
  readonly log: Log;
  readonly randomBytes: (count: number) => Buffer;
}

/** Life asked for a subscription: short, because cameras keep few of them and forget none early. Source: guess. */
const LEASE_MS = 120_000;

/** How long the camera holds a pull when nothing happens; also how long it keeps one connection. Source: guess. */
const PULL_MS = 10_000;

/** Shortest pull: times in requests are whole seconds. */
const PULL_MIN_MS = 1_000;

/** Most messages of one pull. */
const PULL_LIMIT = 100;

/** Renewing begins at this share of what was granted. */
const RENEW_SHARE = 0.8;

/** A camera that grants less than this share of what was asked may have misread the time. Source: guess. */
const GRANT_SHARE_MIN = 0.5;

/** Renewing is not more frequent than this, unless the camera grants less. */
const RENEW_MIN_MS = 60_000;

/** Pulls that bring nothing at once are spaced by this. Source: guess. */
const PACE_MS = 1_000;

/** Pulls in a row that are closed without an answer until the subscription is asked after. Source: guess. */
const MAX_CLOSED = 5;

/** Runs in a row that may fail at going on with a subscription until it is left alone. Source: guess. */
const MAX_FAILED = 3;

/** Most characters that are shown to a camera again with each request. Source: guess; cameras have a number there. */
const MAX_ECHO_CHARS = 16 * 1024;

/** How long saying good-bye may take. Source: guess; a camera that is busy with it answers the next question no sooner. */
const UNSUBSCRIBE_MS = 10_000;

const WSN = 'http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager';
const WSA = 'http://www.w3.org/2005/08/addressing';

interface Subscription {
  readonly address: ServiceAddress;
  /** As the camera wrote it, for the header `To`. */
  readonly to: string;
  /** Header blocks that the camera wants to see again. */
  readonly parameters: string;
  /** How the camera takes times. */
  readonly absolute: boolean;
  /** Undefined when the camera does not say it in a way that makes sense. */
  grantMs: number | undefined;
}

/** What is kept of a subscription: host and login come from the configuration. */
interface Kept {
  readonly port: number;
  readonly path: string;
  readonly to: string;
  readonly parameters: string;
  readonly absolute?: boolean;
  readonly grantMs?: number | undefined;
  /** Runs in a row that could not go on with it, although the camera did not say that it is gone. */
  readonly failures?: number;
}

/**
 * One subscription to the events of a camera by a pull point.
 * @see ONVIF Core §9.1, WS-BaseNotification 1.3, WS-Addressing 1.0 SOAP Binding §3.4
 */
export class PullPoint {
  readonly #needs: PullPointNeeds;
  readonly #camera: string;
  readonly #service: ServiceAddress;
  readonly #announcedPort: number;

  /** @param announcedPort the port of the event service as the camera sees itself */
  constructor(needs: PullPointNeeds, camera: string, service: ServiceAddress, announcedPort: number) {
    this.#needs = needs;
    this.#camera = camera;
    this.#service = service;
    this.#announcedPort = announcedPort;
  }

  /**
   * Pulls until the signal aborts or something fails. A pause, a cut and a crash leave the subscription where it is: it
   * holds what happens meanwhile, the next run goes on with it, and what is not gone on with ends by itself. Some cameras
   * end the subscriptions of all at an Unsubscribe.
   */
  async run(handler: EventHandler, signal: AbortSignal): Promise<void> {
    try {
      const subscription = await this.#stand(handler, signal);
      await this.#pullOn(subscription, handler, signal);
    } catch (error) {
      if (isFault(error)) this.#needs.memory.clear();
      throw error;
    }
  }

  /** What waited is told whatever becomes of the subscription: the camera has forgotten it. */
  async #stand(handler: EventHandler, signal: AbortSignal): Promise<Subscription> {
    const waiting: OnvifEvent[] = [];
    try {
      const subscription = (await this.#resume(waiting, signal)) ?? (await this.#begin(signal));
      await this.#synchronize(subscription, signal);
      handler.subscribed();
      return subscription;
    } finally {
      await tell(waiting, handler);
    }
  }

  async #begin(signal: AbortSignal): Promise<Subscription> {
    const subscription = await this.#subscribe(signal);
    this.#needs.memory.save(JSON.stringify(kept(subscription)));
    return subscription;
  }

  /**
   * @param waiting takes the events that waited in it
   * @returns undefined when the camera does not know the subscription of before any more, or there was none
   */
  async #resume(waiting: OnvifEvent[], signal: AbortSignal): Promise<Subscription | undefined> {
    const last = parseKept(this.#needs.memory.load());
    if (last === undefined) return undefined;
    const { port, path, absolute = false, grantMs, failures = 0, ...rest } = last;
    const address = { target: { ...this.#service.target, port }, path };
    const subscription = { ...rest, address, absolute, grantMs };
    try {
      const pulled = await this.#pull(subscription, PULL_MIN_MS, signal);
      for (const event of pulled?.events ?? []) waiting.push(event);
      await this.#renew(subscription, signal);
      this.#needs.memory.save(JSON.stringify(kept(subscription)));
      return subscription;
    } catch (error) {
      if (signal.aborted || (isAway(error) && !this.#isElsewhere(error, subscription))) throw error;
      if (!isFault(error)) {
        this.#failed(subscription, failures + 1);
        throw error;
      }
      this.#needs.memory.clear();
      return undefined;
    }
  }

  /** The camera is there, and a port that it had for this subscription is closed: after a start it has another one. */
  #isElsewhere(error: unknown, { address }: Subscription): boolean {
    const isClosed = asBeffroiError(error).code === 'camera-port-closed';
    return isClosed && address.target.port !== this.#service.target.port;
  }

  /** It may still live, so it is tried again; never unsubscribed: left alone at last, it ends by itself. */
  #failed(subscription: Subscription, failures: number): void {
    const { memory } = this.#needs;
    if (failures >= MAX_FAILED) memory.clear();
    else memory.save(JSON.stringify({ ...kept(subscription), failures }));
  }

  /** Times are relative; a camera that refuses that, or misreads it, gets them in its own clock. */
  async #subscribe(signal: AbortSignal): Promise<Subscription> {
    const { times } = this.#needs;
    try {
      if (times.absolute !== undefined) return await this.#create(times.absolute, signal);
      const subscription = (await this.#createRelative(signal)) ?? (await this.#create(true, signal));
      times.absolute = subscription.absolute;
      return subscription;
    } catch (error) {
      delete times.absolute;
      throw error;
    }
  }

  /** @returns undefined when the camera refuses relative times, or grants what cannot be meant */
  async #createRelative(signal: AbortSignal): Promise<Subscription | undefined> {
    const relative = await this.#create(false, signal).catch((error: unknown) => {
      if (isFault(error)) return undefined;
      throw error;
    });
    if (!relative || (relative.grantMs ?? 0) >= LEASE_MS * GRANT_SHARE_MIN) return relative;
    await this.#unsubscribe(relative, signal);
    return undefined;
  }

  async #create(absolute: boolean, signal: AbortSignal): Promise<Subscription> {
    const until = await this.#until(absolute, signal);
    const body = `<tev:CreatePullPointSubscription><tev:InitialTerminationTime>${until}</tev:InitialTerminationTime></tev:CreatePullPointSubscription>`;
    const action = `${NAMESPACES.events}/EventPortType/CreatePullPointSubscriptionRequest`;
    const place = { address: this.#service, to: this.#ownAddress, parameters: '' };
    const { content } = await this.#ask(place, 'CreatePullPointSubscription', action, body, signal);
    const grantMs = await this.#grantedMs(content, signal);
    this.#needs.log.debug({ camera: this.#camera, grantMs, absolute }, 'subscribed to events');
    return { ...this.#reference(content), absolute, grantMs };
  }

  /** What the camera grants, by its own words and by its clock as the box has measured it. */
  async #grantedMs(content: XmlElement, signal: AbortSignal): Promise<number | undefined> {
    const offsetMs = await this.#needs.offsetMs(signal);
    return grantedMs(content, this.#needs.clock.wallMs() + offsetMs);
  }

  async #synchronize(subscription: Subscription, signal: AbortSignal): Promise<void> {
    const action = `${NAMESPACES.events}/PullPointSubscription/SetSynchronizationPointRequest`;
    const body = '<tev:SetSynchronizationPoint/>';
    await this.#ask(subscription, 'SetSynchronizationPoint', action, body, signal).catch(isNoSuchCall);
  }

  async #pullOn(subscription: Subscription, handler: EventHandler, signal: AbortSignal): Promise<void> {
    const { clock } = this.#needs;
    let renewAtMs = clock.monotonicMs() + renewAfterMs(subscription.grantMs);
    const pace = new EventPace();
    let closed = 0;
    for (;;) {
      if (renewAtMs - clock.monotonicMs() < PULL_MIN_MS) {
        await this.#renew(subscription, signal);
        renewAtMs = clock.monotonicMs() + renewAfterMs(subscription.grantMs);
      }
      const startMs = clock.monotonicMs();
      const pulled = await this.#pull(subscription, renewAtMs - startMs, signal);
      const { events, bytes } = pulled ?? { events: [], bytes: 0 };
      closed = pulled === undefined ? closed + 1 : 0;
      if (closed >= MAX_CLOSED) {
        await this.#askAfter(subscription, signal);
        closed = 0;
      }
      await tell(events, handler);
      const nowMs = clock.monotonicMs();
      const leastMs = events.length === 0 && nowMs - startMs < PACE_MS ? PACE_MS : 0;
      const waitMs = Math.max(leastMs, pace.take(events.length, bytes, nowMs));
      if (waitMs > 0) await clock.sleep(waitMs, signal);
    }
  }

  /** @returns undefined when the camera closed the connection without an answer, as some do when nothing happens */
  async #pull(
    subscription: Subscription,
    leftMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly events: readonly OnvifEvent[]; readonly bytes: number } | undefined> {
    const holdMs = Math.max(PULL_MIN_MS, Math.min(PULL_MS, leftMs));
    const body = `<tev:PullMessages><tev:Timeout>${seconds(holdMs)}</tev:Timeout><tev:MessageLimit>${PULL_LIMIT}</tev:MessageLimit></tev:PullMessages>`;
    const action = `${NAMESPACES.events}/PullPointSubscription/PullMessagesRequest`;
    try {
      const { content, reply } = await this.#ask(subscription, 'PullMessages', action, body, signal, holdMs);
      return { events: readEvents(content), bytes: reply.body.length };
    } catch (error) {
      if (error instanceof NoAnswerError) return undefined;
      throw error;
    }
  }

  async #renew(subscription: Subscription, signal: AbortSignal): Promise<void> {
    const answer = await this.#askRenew(subscription, signal).catch(isNoSuchCall);
    subscription.grantMs =
      (answer && (await this.#grantedMs(answer.content, signal))) ?? subscription.grantMs;
  }

  async #askRenew(subscription: Subscription, signal: AbortSignal): Promise<SoapAnswer> {
    const until = await this.#until(subscription.absolute, signal);
    const body = `<wsnt:Renew><wsnt:TerminationTime>${until}</wsnt:TerminationTime></wsnt:Renew>`;
    return await this.#ask(subscription, 'Renew', `${WSN}/RenewRequest`, body, signal);
  }

  /** A camera that closes quiet pulls keeps its subscription; one that is gone, or does not answer at all, does not. */
  async #askAfter(subscription: Subscription, signal: AbortSignal): Promise<void> {
    try {
      await this.#askRenew(subscription, signal);
    } catch (error) {
      if (signal.aborted || isFault(error)) throw error;
      if (!isAway(error)) this.#needs.memory.clear();
      throw this.#closed(error);
    }
  }

  async #unsubscribe(subscription: Subscription, signal: AbortSignal): Promise<void> {
    const until = deadline(UNSUBSCRIBE_MS, signal);
    const body = '<wsnt:Unsubscribe/>';
    const action = `${WSN}/UnsubscribeRequest`;
    await this.#ask(subscription, 'Unsubscribe', action, body, until).catch((err: unknown) =>
      this.#needs.log.debug({ camera: this.#camera, err }, 'could not unsubscribe'),
    );
    this.#needs.memory.clear();
  }

  #ask(
    place: Pick<Subscription, 'address' | 'to' | 'parameters'>,
    method: string,
    action: string,
    body: string,
    signal: AbortSignal,
    holdMs = 0,
  ): Promise<SoapAnswer> {
    const header =
      `<wsa:Action s:mustUnderstand="1">${action}</wsa:Action><wsa:To s:mustUnderstand="1">${escapeXml(place.to)}</wsa:To>` +
      `<wsa:MessageID>urn:uuid:${uuid(this.#needs.randomBytes(16))}</wsa:MessageID>` +
      `<wsa:ReplyTo><wsa:Address>${WSA}/anonymous</wsa:Address></wsa:ReplyTo>${place.parameters}`;
    const namespaces = { wsa: WSA, wsnt: 'http://docs.oasis-open.org/wsn/b-2', tev: NAMESPACES.events };
    const envelope = buildEnvelope(namespaces, header, body);
    const call = { service: 'events', method, address: place.address, envelope, action, holdMs };
    return this.#needs.soap.call(call, signal);
  }

  /**
   * Where the subscription lives: never at the host that the camera names, and at the port that it names only where
   * that is another than the port of its event service, which the configuration knows better.
   */
  #reference(content: XmlElement): Pick<Subscription, 'address' | 'to' | 'parameters'> {
    const reference = at(content, 'SubscriptionReference');
    const to = textAt(reference, 'Address');
    const uri = splitUri(to);
    if (!uri) {
      const message = `${this.#camera}: expected the address of a subscription, came ${quoted(to)}`;
      throw new PeerProtocolError('camera-protocol', message);
    }
    const { target } = this.#service;
    const hasOwnPort =
      uri.scheme === (target.tls ? 'https' : 'http') && httpPort(uri) !== this.#announcedPort;
    const port = hasOwnPort ? httpPort(uri) : target.port;
    const echoed = ['ReferenceParameters', 'ReferenceProperties'].flatMap(
      (name) => at(reference, name)?.children ?? [],
    );
    return { address: { target: { ...target, port }, path: uri.path }, to, parameters: this.#echo(echoed) };
  }

  #echo(elements: readonly XmlElement[]): string {
    let text = '';
    for (const one of elements) {
      const block = serializeXml(one, MAX_ECHO_CHARS - text.length, ' wsa:IsReferenceParameter="true"');
      if (block === undefined) {
        const message = `${this.#camera}: expected at most ${MAX_ECHO_CHARS} characters of reference parameters`;
        throw new PeerProtocolError('camera-too-large', message);
      }
      text += block;
    }
    return text;
  }

  get #ownAddress(): string {
    const { target, path } = this.#service;
    const host = target.host.includes(':') ? `[${target.host}]` : target.host;
    return `${target.tls ? 'https' : 'http'}://${host}:${target.port}${path}`;
  }

  async #until(absolute: boolean, signal: AbortSignal): Promise<string> {
    if (!absolute) return seconds(LEASE_MS);
    const offsetMs = await this.#needs.offsetMs(signal);
    const endMs = this.#needs.clock.wallMs() + offsetMs + LEASE_MS;
    return new Date(endMs).toISOString().replace(/\.\d+/, '');
  }

  #closed(cause: unknown): DeviceError {
    const message = `${this.#camera}: expected answers to PullMessages, ${MAX_CLOSED} in a row were closed without one, and Renew has none`;
    return new DeviceError('camera-closed', message, { cause });
  }
}

/**
 * Each event may wait for the disk, and cameras send more of them than was asked for: others have their turn in between. All
 * of them are told, also when the run ends meanwhile, since the camera has forgotten them.
 */
async function tell(events: readonly OnvifEvent[], handler: EventHandler): Promise<void> {
  for (const event of events) {
    handler.event(event);
    await nextTurn();
  }
}

function kept({ address, to, parameters, absolute, grantMs }: Subscription): Kept {
  return { port: address.target.port, path: address.path, to, parameters, absolute, grantMs };
}

/** @returns undefined for what this program has not written: the subscription ends by itself */
function parseKept(text: string | undefined): Kept | undefined {
  try {
    const kept = JSON.parse(text ?? 'null') as Kept | null;
    const texts = [kept?.path, kept?.to, kept?.parameters];
    const isWhole = Number.isSafeInteger(kept?.port) && texts.every((one) => typeof one === 'string');
    return kept && isWhole ? kept : undefined;
  } catch {
    return undefined;
  }
}

/** Nobody answers at all. */
function isAway(error: unknown): boolean {
  return ['camera-unreachable', 'camera-port-closed'].includes(asBeffroiError(error).code);
}

/** The camera said no by a SOAP fault: to what was asked, or to a subscription that it does not know any more. */
function isFault(error: unknown): boolean {
  return error instanceof BeffroiError && error.code === 'camera-fault';
}

/** Time from a grant to its renewal, milliseconds. */
export function renewAfterMs(grantMs: number = RENEW_MIN_MS): number {
  const shareMs = grantMs * RENEW_SHARE;
  if (shareMs >= RENEW_MIN_MS) return shareMs;
  return grantMs > RENEW_MIN_MS + PULL_MS ? RENEW_MIN_MS : Math.max(PACE_MS, shareMs);
}

/** Some cameras lack a call that is only useful, not necessary. */
function isNoSuchCall(error: unknown): undefined {
  const codes = ['camera-unsupported', 'camera-fault'];
  if (error instanceof BeffroiError && codes.includes(error.code)) return undefined;
  throw error;
}

function seconds(ms: number): string {
  return `PT${Math.floor(ms / 1000)}S`;
}

function uuid(random: Buffer): string {
  const hex = random.toString('hex');
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

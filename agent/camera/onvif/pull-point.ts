import type { Clock } from '../../base/clock.ts';
import { deadline } from '../../base/deadline.ts';
import { asBeffroiError, BeffroiError, DeviceError, PeerProtocolError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { quoted } from '../../base/text.ts';
import { NoAnswerError } from '../http/connect.ts';
import type { SoapAnswer } from './answer.ts';
import { buildEnvelope } from './envelope.ts';
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

export interface PullPointNeeds {
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

/** Renewing is not more frequent than this, unless the camera grants less. */
const RENEW_MIN_MS = 60_000;

/** Pulls that bring nothing at once are spaced by this. Source: guess. */
const PACE_MS = 1_000;

/** Pulls in a row that the camera may close without an answer. Source: guess. */
const MAX_CLOSED = 5;

/** How long saying good-bye may take. */
const UNSUBSCRIBE_MS = 2_000;

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
  grantMs: number;
}

/** A subscription, and the events that waited in it. */
interface Begun {
  readonly subscription: Subscription;
  readonly waiting: readonly OnvifEvent[];
}

/** What is kept of a subscription: host and login come from the configuration. */
interface Kept {
  readonly port: number;
  readonly path: string;
  readonly to: string;
  readonly parameters: string;
  readonly absolute?: boolean;
  readonly grantMs?: number;
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
   * Pulls until the signal aborts or something fails; then takes leave of the camera. A subscription from which only the
   * network or a crash cut us off still holds what happened meanwhile, so it is gone on with.
   */
  async run(handler: EventHandler, signal: AbortSignal): Promise<void> {
    const { subscription, waiting } = (await this.#resume(signal)) ?? (await this.#begin(signal));
    let cutOff = false;
    try {
      await this.#synchronize(subscription, signal);
      handler.subscribed();
      for (const event of waiting) handler.event(event);
      await this.#pullOn(subscription, handler, signal);
    } catch (error) {
      cutOff = !signal.aborted && isCutOff(error);
      throw error;
    } finally {
      if (!cutOff) await this.#unsubscribe(subscription);
    }
  }

  async #begin(signal: AbortSignal): Promise<Begun> {
    const subscription = await this.#subscribe(signal);
    this.#needs.memory.save(JSON.stringify(kept(subscription)));
    return { subscription, waiting: [] };
  }

  /** @returns undefined when the camera does not know the subscription of before any more, or there was none */
  async #resume(signal: AbortSignal): Promise<Begun | undefined> {
    const text = this.#needs.memory.load();
    if (text === undefined) return undefined;
    const { port, path, absolute = false, grantMs = RENEW_MIN_MS, ...rest } = JSON.parse(text) as Kept;
    const address = { target: { ...this.#service.target, port }, path };
    const subscription = { ...rest, address, absolute, grantMs };
    try {
      const waiting = await this.#pull(subscription, PULL_MIN_MS, signal);
      if (waiting) {
        await this.#renew(subscription, signal);
        return { subscription, waiting };
      }
    } catch (error) {
      if (signal.aborted || isAway(error)) throw error;
    }
    await this.#unsubscribe(subscription);
    return undefined;
  }

  /** Times are relative; a camera that refuses that gets them in its own clock. */
  async #subscribe(signal: AbortSignal): Promise<Subscription> {
    try {
      return await this.#create(false, signal);
    } catch (error) {
      if (!(error instanceof BeffroiError) || error.code !== 'camera-fault') throw error;
      return await this.#create(true, signal);
    }
  }

  async #create(absolute: boolean, signal: AbortSignal): Promise<Subscription> {
    const until = await this.#until(absolute, signal);
    const body = `<tev:CreatePullPointSubscription><tev:InitialTerminationTime>${until}</tev:InitialTerminationTime></tev:CreatePullPointSubscription>`;
    const action = `${NAMESPACES.events}/EventPortType/CreatePullPointSubscriptionRequest`;
    const place = { address: this.#service, to: this.#ownAddress, parameters: '' };
    const { content } = await this.#ask(place, 'CreatePullPointSubscription', action, body, signal);
    const granted = grantedMs(content) ?? RENEW_MIN_MS;
    this.#needs.log.debug({ camera: this.#camera, grantedMs: granted, absolute }, 'subscribed to events');
    return { ...this.#reference(content), absolute, grantMs: granted };
  }

  async #synchronize(subscription: Subscription, signal: AbortSignal): Promise<void> {
    const action = `${NAMESPACES.events}/PullPointSubscription/SetSynchronizationPointRequest`;
    const body = '<tev:SetSynchronizationPoint/>';
    await this.#ask(subscription, 'SetSynchronizationPoint', action, body, signal).catch(isNoSuchCall);
  }

  async #pullOn(subscription: Subscription, handler: EventHandler, signal: AbortSignal): Promise<void> {
    const { clock } = this.#needs;
    let renewAtMs = clock.monotonicMs() + renewAfterMs(subscription.grantMs);
    let closed = 0;
    for (;;) {
      if (renewAtMs - clock.monotonicMs() < PULL_MIN_MS) {
        await this.#renew(subscription, signal);
        renewAtMs = clock.monotonicMs() + renewAfterMs(subscription.grantMs);
      }
      const startMs = clock.monotonicMs();
      const events = await this.#pull(subscription, renewAtMs - startMs, signal);
      closed = events === undefined ? closed + 1 : 0;
      if (closed >= MAX_CLOSED) throw this.#closed();
      for (const event of events ?? []) handler.event(event);
      const fast = clock.monotonicMs() - startMs < PACE_MS;
      if (fast && (events === undefined || events.length === 0)) await clock.sleep(PACE_MS, signal);
    }
  }

  /** @returns undefined when the camera closed the connection without an answer, as some do when nothing happens */
  async #pull(
    subscription: Subscription,
    leftMs: number,
    signal: AbortSignal,
  ): Promise<OnvifEvent[] | undefined> {
    const holdMs = Math.max(PULL_MIN_MS, Math.min(PULL_MS, leftMs));
    const body = `<tev:PullMessages><tev:Timeout>${seconds(holdMs)}</tev:Timeout><tev:MessageLimit>${PULL_LIMIT}</tev:MessageLimit></tev:PullMessages>`;
    const action = `${NAMESPACES.events}/PullPointSubscription/PullMessagesRequest`;
    try {
      const { content } = await this.#ask(subscription, 'PullMessages', action, body, signal, holdMs);
      return readEvents(content);
    } catch (error) {
      if (error instanceof NoAnswerError) return undefined;
      throw error;
    }
  }

  async #renew(subscription: Subscription, signal: AbortSignal): Promise<void> {
    const until = await this.#until(subscription.absolute, signal);
    const body = `<wsnt:Renew><wsnt:TerminationTime>${until}</wsnt:TerminationTime></wsnt:Renew>`;
    const answer = await this.#ask(subscription, 'Renew', `${WSN}/RenewRequest`, body, signal).catch(
      isNoSuchCall,
    );
    subscription.grantMs = (answer && grantedMs(answer.content)) ?? subscription.grantMs;
  }

  async #unsubscribe(subscription: Pick<Subscription, 'address' | 'to' | 'parameters'>): Promise<void> {
    const body = '<wsnt:Unsubscribe/>';
    const action = `${WSN}/UnsubscribeRequest`;
    await this.#ask(subscription, 'Unsubscribe', action, body, deadline(UNSUBSCRIBE_MS)).catch(
      (err: unknown) => this.#needs.log.debug({ camera: this.#camera, err }, 'could not unsubscribe'),
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
    const apart = uri.scheme === (target.tls ? 'https' : 'http') && httpPort(uri) !== this.#announcedPort;
    const port = apart ? httpPort(uri) : target.port;
    const echoed = ['ReferenceParameters', 'ReferenceProperties'].flatMap(
      (name) => at(reference, name)?.children ?? [],
    );
    const parameters = echoed.map((one) => serializeXml(one, ' wsa:IsReferenceParameter="true"')).join('');
    return { address: { target: { ...target, port }, path: uri.path }, to, parameters };
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

  #closed(): DeviceError {
    const message = `${this.#camera}: expected answers to PullMessages, ${MAX_CLOSED} in a row were closed without one`;
    return new DeviceError('camera-closed', message);
  }
}

function kept({ address, to, parameters, absolute, grantMs }: Subscription): Kept {
  return { port: address.target.port, path: address.path, to, parameters, absolute, grantMs };
}

/** Nobody answers at all. */
function isAway(error: unknown): boolean {
  return ['camera-unreachable', 'camera-port-closed'].includes(asBeffroiError(error).code);
}

/** The camera has not said that the subscription is over. */
function isCutOff(error: unknown): boolean {
  return isAway(error) || ['camera-silent', 'camera-closed'].includes(asBeffroiError(error).code);
}

/** Time from a grant to its renewal, milliseconds. */
export function renewAfterMs(grantMs: number): number {
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

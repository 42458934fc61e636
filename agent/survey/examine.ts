import type { Clock } from '../base/clock.ts';
import type { Code } from '../base/codes.ts';
import { asBeffroiError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { SeenDevice } from '../camera/discovery/device.ts';
import { CameraGate } from '../camera/gate.ts';
import type { MaskList } from '../camera/onvif/masks.ts';
import type { CameraOffer } from '../camera/onvif/offer.ts';
import { type DeviceInformation, OnvifCamera } from '../camera/onvif/onvif-camera.ts';
import type { VideoProfile } from '../camera/onvif/profiles.ts';
import type { CardRecordings } from '../camera/onvif/recordings.ts';
import type { ClockOffset } from '../camera/onvif/system-time.ts';
import { probe } from '../camera/probe.ts';
import { type TlsFacts, tlsFacts } from '../camera/tls-facts.ts';
import type { Credentials, Gate } from '../camera/types.ts';
import { type MeasuredStream, measureStream } from './measure.ts';
import type { SurveyTarget } from './target.ts';

export interface ExamineNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly randomBytes: (count: number) => Buffer;
  /** Makes the UUID of a question to the network. */
  readonly newId: () => string;
}

/** What was found at one address. What is undefined could not be found out; `failures` says why. */
export interface Examination {
  readonly host: string;
  readonly device: SeenDevice | undefined;
  /** Whether there was a login to try. */
  readonly loginGiven: boolean;
  /** Where its ONVIF answered. */
  readonly onvif: NonNullable<SurveyTarget['onvif']> | undefined;
  readonly clock: ClockOffset | undefined;
  readonly identity: DeviceInformation | undefined;
  readonly offer: CameraOffer | undefined;
  readonly profiles: readonly VideoProfile[] | undefined;
  /** Null: the camera does not say, as with the next. */
  readonly masks: MaskList | null | undefined;
  readonly card: CardRecordings | null | undefined;
  /** Of HTTPS; null: none. */
  readonly tls: TlsFacts | null;
  readonly stream: MeasuredStream | undefined;
  readonly failures: readonly Failure[];
}

export interface Failure {
  readonly step: 'onvif' | 'clock' | 'login' | 'offer' | 'profiles' | 'masks' | 'card' | 'stream';
  readonly code: Code;
  readonly detail: string;
}

const HTTP: NonNullable<SurveyTarget['onvif']> = { port: 80, path: '/onvif/device_service', tls: false };
const HTTPS: NonNullable<SurveyTarget['onvif']> = { port: 443, path: '/onvif/device_service', tls: true };
/** Connections to one camera at once. */
const MAX_CONNECTIONS = 2;
const LOGIN_CODES: ReadonlySet<Code> = new Set([
  'camera-login-refused',
  'camera-latched',
  'camera-insecure-login',
]);

const AWAY_CODES: ReadonlySet<Code> = new Set([
  'camera-silent',
  'camera-slow',
  'camera-unreachable',
  'camera-certificate',
]);

/** Looks at one camera, reading only. After the first refused login no more is sent. Never throws but at the end of `signal`. */
export class Examiner {
  readonly #needs: ExamineNeeds;
  readonly #target: SurveyTarget;
  readonly #device: SeenDevice | undefined;
  readonly #credentials: Credentials | undefined;
  readonly #measureMs: number;
  readonly #signal: AbortSignal;
  readonly #gate: Gate;
  readonly #failures: Failure[] = [];
  #over = false;

  constructor(
    needs: ExamineNeeds,
    {
      target,
      device,
      credentials,
      measureMs,
    }: {
      readonly target: SurveyTarget;
      readonly device: SeenDevice | undefined;
      readonly credentials: Credentials | undefined;
      readonly measureMs: number;
    },
    signal: AbortSignal,
  ) {
    this.#needs = needs;
    this.#target = target;
    this.#device = device;
    this.#credentials = credentials;
    this.#measureMs = measureMs;
    this.#signal = signal;
    const memory = { load: () => [], save: () => undefined };
    const options = { camera: target.host, maxConnections: MAX_CONNECTIONS };
    const credentialVersion = credentials?.version ?? 0;
    this.#gate = new CameraGate({ clock: needs.clock, memory }, { ...options, credentialVersion });
  }

  async run(): Promise<Examination> {
    const { host } = this.#target;
    const [place, tls] = await Promise.all([
      this.#onvifPlace(),
      tlsFacts({ host, port: HTTPS.port }, this.#signal),
    ]);
    const onvif = place && this.#camera(place);
    const clock = onvif && (await this.#try('clock', () => onvif.systemTime(this.#signal)));
    const identity = onvif && (await this.#try('login', () => onvif.deviceInformation(this.#signal)));
    const offer = onvif && (await this.#try('offer', () => onvif.offer(this.#signal)));
    const profiles = onvif && (await this.#try('profiles', () => onvif.profiles(this.#signal)));
    const masks = onvif && (await this.#try('masks', async () => (await onvif.masks(this.#signal)) ?? null));
    const card =
      onvif && (await this.#try('card', async () => (await onvif.recordings(this.#signal)) ?? null));
    const url = await this.#streamUrl(onvif, profiles);
    const stream = url === undefined ? undefined : await this.#try('stream', () => this.#measure(url));
    this.#signal.throwIfAborted();
    const asked = { host, device: this.#device, loginGiven: this.#credentials !== undefined };
    const found = { ...asked, onvif: place, clock, identity, offer, profiles, masks, card };
    return { ...found, tls: tls ?? null, stream, failures: this.#failures };
  }

  /** Where its device service is: as asked for, as it announced, else at the ports of HTTP and HTTPS. */
  async #onvifPlace(): Promise<SurveyTarget['onvif']> {
    const { onvif, rtsp, host } = this.#target;
    const named = onvif ?? this.#device?.service;
    const places = named ? [named] : [HTTP, HTTPS];
    for (const place of places) {
      const { result } = await probe({ host, port: place.port }, this.#needs.clock, this.#signal);
      if (result === 'open') return place;
      if (place === places.at(-1) && rtsp === undefined) this.#unanswered(result, places);
    }
    return undefined;
  }

  #unanswered(
    result: 'closed' | 'unreachable' | 'unnamed',
    places: readonly { readonly port: number }[],
  ): void {
    const code = result === 'closed' ? 'camera-port-closed' : 'camera-unreachable';
    this.#failures.push({ step: 'onvif', code, detail: `port ${places.map(({ port }) => port).join(', ')}` });
  }

  #camera({ port, path, tls }: NonNullable<SurveyTarget['onvif']>): OnvifCamera {
    const { host } = this.#target;
    const login = this.#credentials ? { credentials: this.#credentials } : {};
    const subscription = { load: () => undefined, save: () => undefined, clear: () => undefined };
    const needs = { ...this.#needs, subscription };
    return new OnvifCamera({ camera: host, host, port, path, tls, ...login }, this.#gate, needs);
  }

  async #streamUrl(
    onvif: OnvifCamera | undefined,
    profiles: readonly VideoProfile[] | undefined,
  ): Promise<string | undefined> {
    if (this.#target.rtsp !== undefined) return this.#target.rtsp;
    const main = mainProfile(profiles ?? []);
    if (!onvif || !main) return undefined;
    const uri = await this.#try('stream', () => onvif.streamUri(main.token, this.#signal));
    if (!uri) return undefined;
    const { host } = this.#target;
    const at = host.includes(':') ? `[${host}]` : host;
    return `${uri.tls ? 'rtsps' : 'rtsp'}://${at}:${uri.port}${uri.path}`;
  }

  async #measure(url: string): Promise<MeasuredStream> {
    const permit = await this.#gate.acquire(this.#signal);
    const login = this.#credentials ? { credentials: this.#credentials } : {};
    try {
      const target = { camera: this.#target.host, url, ...login };
      return await measureStream(target, permit, this.#needs, this.#measureMs, this.#signal);
    } finally {
      permit.release();
    }
  }

  /** After a refused login, and of a camera that lets us wait, nothing more is asked. */
  async #try<T>(step: Failure['step'], ask: () => Promise<T>): Promise<T | undefined> {
    if (this.#over || this.#signal.aborted) return undefined;
    try {
      return await ask();
    } catch (thrown) {
      this.#signal.throwIfAborted();
      const { code, message } = asBeffroiError(thrown);
      this.#failures.push({ step, code, detail: message });
      if (LOGIN_CODES.has(code) || AWAY_CODES.has(code)) this.#over = true;
      return undefined;
    }
  }
}

/** The largest that can be forwarded. */
export function mainProfile(profiles: readonly VideoProfile[]): VideoProfile | undefined {
  const usable = profiles.filter(({ codec }) => codec !== 'other');
  return usable.toSorted((a, b) => b.width * b.height - a.width * a.height)[0];
}

import type { Clock } from '../../base/clock.ts';
import { asBeffroiError, BeffroiError, DeviceError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Credentials, Gate } from '../types.ts';
import { buildEnvelope } from './envelope.ts';
import { readEventTopics } from './event-topics.ts';
import { readPolarities } from './input-polarity.ts';
import { type MaskList, readMasks } from './masks.ts';
import { type CameraOffer, eventPropertiesEnvelope, readOffer } from './offer.ts';
import { type Ask, askDevice, askMedia } from './package.ts';
import { readProfiles, readProfiles2, type VideoProfile } from './profiles.ts';
import { type EventHandler, PullPoint, type SubscriptionMemory, type TimeForm } from './pull-point.ts';
import { type CardRecordings, readRecordings } from './recordings.ts';
import {
  type AnnouncedService,
  findServices,
  NAMESPACES,
  type ServiceName,
  type Services,
} from './services.ts';
import { Soap } from './soap.ts';
import type { ServiceAddress } from './soap-call.ts';
import { readStreamUri, type StreamAddress } from './stream-uri.ts';
import { type ClockOffset, measureClock } from './system-time.ts';
import { readTimeSource, type TimeSource } from './time-source.ts';
import { child, escapeXml, textAt, type XmlElement } from './xml.ts';

/** Where the device service of a camera is, and who may log in. */
export interface OnvifTarget {
  readonly camera: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly tls: boolean;
  readonly certificateSha256?: string;
  readonly credentials?: Credentials;
  /** Token of the profile whose stream is pulled; the first with video when absent. */
  readonly profile?: string;
}

export interface OnvifNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly randomBytes: (count: number) => Buffer;
  readonly subscription: SubscriptionMemory;
}

/** What a camera says it is; empty where it says nothing. */
export interface DeviceInformation {
  readonly manufacturer: string;
  readonly model: string;
  readonly firmware: string;
  readonly serial: string;
}

/** Longest text that is kept of a camera's description. Source: guess. */
const MAX_TEXT_CHARS = 128;
/** Codes of a camera that cannot do what was asked. */
const LACKING = ['camera-unsupported', 'camera-fault', 'camera-protocol'];

/**
 * One camera by ONVIF. Every call takes a permit of the gate, ends within its bounds, and throws `BeffroiError` with
 * a `camera-…` code, or the reason of its signal.
 */
export class OnvifCamera {
  readonly #target: OnvifTarget;
  readonly #needs: OnvifNeeds;
  readonly #soap: Soap;
  readonly #times: TimeForm = {};
  #services: Services | undefined;

  constructor(target: OnvifTarget, gate: Gate, needs: OnvifNeeds) {
    const { camera, credentials } = target;
    this.#target = target;
    this.#needs = needs;
    this.#soap = new Soap(
      { camera, device: this.#address(target.path), ...(credentials ? { credentials } : {}) },
      gate,
      needs,
    );
  }

  /** The clock of the camera against that of the box. Credentials go out only if the camera insists on a login. */
  async systemTime(signal: AbortSignal): Promise<ClockOffset> {
    const offset = await measureClock(this.#ask('time', this.#target.path, signal), this.#target.camera);
    this.#soap.cameraClock.keep(offset);
    return offset;
  }

  async deviceInformation(signal: AbortSignal): Promise<DeviceInformation> {
    const ask = this.#ask('device', this.#target.path, signal);
    const { content } = await askDevice(ask, (device) => device.getDeviceInformation());
    const text = (name: string) => textAt(content, name).slice(0, MAX_TEXT_CHARS);
    return {
      manufacturer: text('Manufacturer'),
      model: text('Model'),
      firmware: text('FirmwareVersion'),
      serial: text('SerialNumber'),
    };
  }

  /** Where the camera takes its time from; undefined where it does not say. */
  async timeSource(signal: AbortSignal): Promise<TimeSource | undefined> {
    const ask = this.#ask('device', this.#target.path, signal);
    const said = await lacking(askDevice(ask, (device) => device.getNTP()));
    return said && readTimeSource(said.content);
  }

  /** The profiles with video, in the camera's order; from Media2 where it works, because only it knows H.265. */
  async profiles(signal: AbortSignal): Promise<VideoProfile[]> {
    const path = (await this.#service('media2', signal))?.path;
    const body = '<tr2:GetProfiles><tr2:Type>All</tr2:Type></tr2:GetProfiles>';
    const content = await this.#media2(path, 'GetProfiles', body, signal);
    if (content) return readProfiles2(content);
    const ask = this.#ask('media', (await this.#need('media', signal)).path, signal);
    return readProfiles((await askMedia(ask, (media) => media.getProfiles())).content);
  }

  /** The privacy masks; undefined where the camera does not say by ONVIF which it has. */
  async masks(signal: AbortSignal): Promise<MaskList | undefined> {
    const path = (await this.#service('media2', signal))?.path;
    const able = await this.#media2(path, 'GetServiceCapabilities', '<tr2:GetServiceCapabilities/>', signal);
    if (child(able, 'Capabilities')?.attributes.Mask !== 'true') return undefined;
    const content = await this.#media2(path, 'GetMasks', '<tr2:GetMasks/>', signal);
    return content && readMasks(content);
  }

  /** The recordings on its own card; undefined where the camera does not say by ONVIF whether it makes any. */
  async recordings(signal: AbortSignal): Promise<CardRecordings | undefined> {
    const path = (await this.#service('recording', signal))?.path;
    if (path === undefined) return undefined;
    const envelope = buildEnvelope({ trc: NAMESPACES.recording }, '', '<trc:GetRecordings/>');
    try {
      return readRecordings((await this.#ask('recording', path, signal)('GetRecordings', envelope)).content);
    } catch (error) {
      if (error instanceof BeffroiError && LACKING.includes(error.code)) return undefined;
      throw error;
    }
  }

  /** What the camera offers; asks what it needs and nothing that would change it. */
  async offer(signal: AbortSignal): Promise<CameraOffer> {
    this.#services ??= await findServices(this.#ask('device', this.#target.path, signal));
    const services = Object.keys(this.#services) as ServiceName[];
    const asked = buildEnvelope({ tds: NAMESPACES.device }, '', '<tds:GetScopes/>');
    const scopes = await lacking(this.#ask('device', this.#target.path, signal)('GetScopes', asked));
    return { services, ...readOffer(scopes?.content, await this.#eventProperties(signal)) };
  }

  /** @returns undefined where the camera has no events */
  async #eventProperties(signal: AbortSignal): Promise<XmlElement | undefined> {
    const service = this.#services?.events;
    if (!service) return undefined;
    const action = `${NAMESPACES.events}/EventPortType/GetEventPropertiesRequest`;
    const call = {
      ...{ service: 'events', method: 'GetEventProperties', address: this.#address(service.path), action },
      envelope: eventPropertiesEnvelope(action),
    };
    return (await lacking(this.#soap.call(call, signal)))?.content;
  }

  /** Where the stream of a profile is; the host that the camera names is not believed. */
  async streamUri(profileToken: string, signal: AbortSignal): Promise<StreamAddress> {
    const found = await this.#streamUri2(profileToken, 'RTSP', signal);
    if (found) return found;
    const ask = this.#ask('media', (await this.#need('media', signal)).path, signal);
    const asked = { ProfileToken: escapeXml(profileToken), Protocol: 'RTSP' } as const;
    const answer = await askMedia(ask, (media) => media.getStreamUri(asked));
    return readStreamUri(textAt(answer.content, 'MediaUri', 'Uri'), this.#target.camera);
  }

  /** Where the stream of a profile is over TLS; undefined where the camera has no Media2, which alone can say it. */
  async secureStreamUri(profileToken: string, signal: AbortSignal): Promise<StreamAddress | undefined> {
    return await this.#streamUri2(profileToken, 'RtspsUnicast', signal);
  }

  /** @see ONVIF Media2 §5.9.1 (GetStreamUri) */
  async #streamUri2(
    profileToken: string,
    protocol: 'RTSP' | 'RtspsUnicast',
    signal: AbortSignal,
  ): Promise<StreamAddress | undefined> {
    const path = (await this.#service('media2', signal))?.path;
    const asked = `<tr2:Protocol>${protocol}</tr2:Protocol><tr2:ProfileToken>${escapeXml(profileToken)}</tr2:ProfileToken>`;
    const body = `<tr2:GetStreamUri>${asked}</tr2:GetStreamUri>`;
    const content = await this.#media2(path, 'GetStreamUri', body, signal);
    return content && readStreamUri(textAt(content, 'Uri'), this.#target.camera);
  }

  /**
   * One run of the event subscription: resolves when the signal aborts, rejects with `BeffroiError` at any failure.
   * A new subscription is the caller's business.
   */
  async events(handler: EventHandler, signal: AbortSignal): Promise<void> {
    try {
      await this.#offsetMs(signal);
      const service = await this.#need('events', signal);
      const needs = {
        ...this.#needs,
        memory: this.#needs.subscription,
        soap: this.#soap,
        offsetMs: (inner: AbortSignal) => this.#offsetMs(inner),
        times: this.#times,
      };
      await new PullPoint(needs, this.#target.camera, this.#address(service.path), service.port).run(
        handler,
        signal,
      );
    } catch (error) {
      if (!signal.aborted) throw asBeffroiError(error);
    }
  }

  /** Whether `false` is the alarm, by token of the digital input, as far as the camera says it. */
  async inputPolarities(signal: AbortSignal): Promise<ReadonlyMap<string, boolean>> {
    const service = await this.#service('deviceio', signal);
    if (!service) return new Map();
    const ask = this.#ask('deviceio', service.path, signal);
    const say = (method: string) =>
      lacking(ask(method, buildEnvelope({ tmd: NAMESPACES.deviceio }, '', `<tmd:${method}/>`)));
    const inputs = await say('GetDigitalInputs');
    return inputs
      ? readPolarities((await say('GetServiceCapabilities'))?.content, inputs.content)
      : new Map();
  }

  /** The topics that the camera declares, without prefixes; undefined where it does not say which it tells. */
  async eventTopics(signal: AbortSignal): Promise<readonly string[] | undefined> {
    const path = (await this.#service('events', signal))?.path;
    if (path === undefined) return [];
    const envelope = buildEnvelope({ tev: NAMESPACES.events }, '', '<tev:GetEventProperties/>');
    const answer = await lacking(this.#ask('events', path, signal)('GetEventProperties', envelope));
    return answer && readEventTopics(answer.content);
  }

  /** Whether a subscription of before may still stand. */
  get resumes(): boolean {
    return this.#needs.subscription.load() !== undefined;
  }

  /** The next run makes a new subscription; the one of before ends by itself. */
  forgetSubscription(): void {
    this.#needs.subscription.clear();
  }

  /**
   * Asks for all states on the metadata track of the stream that is pulled.
   * @see ONVIF Media Service Specification, section "SetSynchronizationPoint"
   */
  async synchronizeStream(signal: AbortSignal): Promise<void> {
    const profile = this.#target.profile ?? (await this.#firstProfile(signal));
    const token = `ProfileToken>${escapeXml(profile)}</`;
    const path = (await this.#service('media2', signal))?.path;
    const body = `<tr2:SetSynchronizationPoint><tr2:${token}tr2:ProfileToken></tr2:SetSynchronizationPoint>`;
    if (await this.#media2(path, 'SetSynchronizationPoint', body, signal)) return;
    const ask = this.#ask('media', (await this.#need('media', signal)).path, signal);
    const older = `<trt:SetSynchronizationPoint><trt:${token}trt:ProfileToken></trt:SetSynchronizationPoint>`;
    await ask('SetSynchronizationPoint', buildEnvelope({ trt: NAMESPACES.media }, '', older));
  }

  async #firstProfile(signal: AbortSignal): Promise<string> {
    const [first] = await this.profiles(signal);
    if (first) return first.token;
    throw new DeviceError(
      'camera-no-video',
      `${this.#target.camera}: expected a profile with video, found none`,
    );
  }

  /** How far the clock of the camera is ahead; nothing is known of one that does not tell it. */
  async #offsetMs(signal: AbortSignal): Promise<number> {
    const { fresh } = this.#soap.cameraClock;
    if (fresh) return fresh.offsetMs;
    try {
      return (await this.systemTime(signal)).offsetMs;
    } catch (error) {
      if (error instanceof BeffroiError && LACKING.includes(error.code)) return 0;
      throw error;
    }
  }

  /** @returns undefined when the camera has no Media2, or one that does not do this */
  async #media2(
    path: string | undefined,
    method: string,
    body: string,
    signal: AbortSignal,
  ): Promise<XmlElement | undefined> {
    if (path === undefined) return undefined;
    const envelope = buildEnvelope({ tr2: NAMESPACES.media2 }, '', body);
    return (await lacking(this.#ask('media2', path, signal)(method, envelope)))?.content;
  }

  async #need(name: ServiceName, signal: AbortSignal): Promise<AnnouncedService> {
    const service = await this.#service(name, signal);
    if (service) return service;
    throw new DeviceError('camera-unsupported', `${this.#target.camera}: offers no ONVIF ${name} service`);
  }

  /** Of what is announced the path alone is used: services are asked where the configuration says the camera is. */
  async #service(service: ServiceName, signal: AbortSignal): Promise<AnnouncedService | undefined> {
    this.#services ??= await findServices(this.#ask('device', this.#target.path, signal));
    return this.#services[service];
  }

  #ask(service: string, path: string, signal: AbortSignal): Ask {
    const address = this.#address(path);
    return async (method, envelope) => {
      try {
        return await this.#soap.call({ service, method, address, envelope }, signal);
      } catch (error) {
        if (error instanceof DeviceError && error.code === 'camera-unsupported') this.#services = undefined;
        throw error;
      }
    };
  }

  #address(path: string): ServiceAddress {
    const { camera, host, port, tls, certificateSha256 } = this.#target;
    const pin = certificateSha256 === undefined ? {} : { certificateSha256 };
    return { target: { camera, host, port, tls, ...pin }, path };
  }
}

/** @returns undefined when the camera cannot do what was asked */
async function lacking<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof BeffroiError && LACKING.includes(error.code)) return undefined;
    throw error;
  }
}

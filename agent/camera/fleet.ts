import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';
import type { FleetCamera, FleetMemory } from './fleet-camera.ts';
import { CameraGate } from './gate.ts';
import { type LoginRecord, MAX_REFUSED, parseLogins } from './login-count.ts';
import { OnvifCamera } from './onvif/onvif-camera.ts';
import type { SubscriptionMemory } from './onvif/pull-point.ts';
import { describeStream } from './rtsp/describe.ts';
import { defaultStreamOptions, type StreamTransport } from './rtsp/stream.ts';
import { StreamFinder } from './stream-finder.ts';
import type { Credentials, Gate, VideoTrack } from './types.ts';

/** Where the stream of a camera is, and the login for it: never logged. */
export interface StreamSource {
  readonly camera: string;
  readonly regime: FleetCamera['regime'];
  readonly profile: 'main' | 'sub';
  /** Without user part. */
  readonly url: string;
  readonly transport: StreamTransport;
  readonly credentials?: Credentials;
  readonly certificateSha256?: string;
}

export interface FleetNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly randomBytes: (size: number) => Buffer;
  readonly memory: FleetMemory;
  /** Called with the whole list whenever the address of a stream, or a login, has changed. */
  readonly sourcesChanged: (sources: readonly StreamSource[]) => void;
}

interface Member {
  readonly camera: FleetCamera;
  readonly gate: CameraGate;
  readonly onvif: OnvifCamera | undefined;
  readonly finder: StreamFinder;
  /** Of the sub-stream, where there is one. */
  readonly subFinder: StreamFinder | undefined;
}

/** Where the configuration says nothing else. @see RFC 2326 §3.2 */
const RTSP_PORT = 554;

/** The cameras of the configuration: for each its gate, its ONVIF side and the address of its stream. */
export class CameraFleet implements Service {
  readonly name = 'camera fleet';
  readonly #needs: FleetNeeds;
  readonly #members = new Map<string, Member>();

  constructor(needs: FleetNeeds) {
    this.#needs = needs;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    await Promise.all([...this.#members.values()].map(stopFinders));
    this.#members.clear();
  }

  /** Works with these cameras and no others; an unchanged camera keeps everything it has. */
  async apply(cameras: readonly FleetCamera[]): Promise<void> {
    const ids = new Set(cameras.map(({ id }) => id));
    for (const id of [...this.#members.keys()]) if (!ids.has(id)) await this.#remove(id);
    for (const camera of cameras) await this.#put(camera);
    this.#tell();
  }

  gate(camera: string): Gate | undefined {
    return this.#members.get(camera)?.gate;
  }

  onvif(camera: string): OnvifCamera | undefined {
    return this.#members.get(camera)?.onvif;
  }

  /**
   * What the camera says of its stream, without asking for pictures.
   * @returns undefined while the address of the stream is not known
   * @throws DeviceError, PeerProtocolError; see the `camera-…` codes; the signal's reason when it aborts
   */
  async describe(camera: string, signal: AbortSignal): Promise<VideoTrack | undefined> {
    const member = this.#members.get(camera);
    const source = member && sourcesOf(member).find(({ profile }) => profile === 'main');
    if (!source) return undefined;
    const permit = await member.gate.acquire(signal);
    try {
      return await describeStream(source, permit, this.#needs, defaultStreamOptions, signal);
    } finally {
      permit.release();
    }
  }

  /** The camera does not know the stream that we asked for: its address is asked anew. */
  doubtAddress(camera: string): void {
    const member = this.#members.get(camera);
    member?.finder.askAgain();
    member?.subFinder?.askAgain();
  }

  async #put(camera: FleetCamera): Promise<void> {
    const old = this.#members.get(camera.id);
    if (old && same(old.camera, camera)) return;
    if (old) await stopFinders(old);
    const gate = this.#gateFor(camera, old);
    const onvif = camera.onvif && this.#onvif(camera, camera.onvif, gate);
    const needs = { ...this.#needs, found: () => this.#tell() };
    const finder = new StreamFinder(needs, camera, onvif);
    const subFinder = camera.substream && new StreamFinder(needs, substreamOf(camera), onvif);
    this.#members.set(camera.id, { camera, gate, onvif, finder, subFinder });
    finder.start();
    subFinder?.start();
    if (!subFinder) old?.subFinder?.forget();
  }

  /** The latch outlives a change of the entry: only another version of the credentials opens it. */
  #gateFor(camera: FleetCamera, old: Member | undefined): CameraGate {
    const credentialVersion = camera.credentials?.version ?? 0;
    if (old && old.camera.maxConnections === camera.maxConnections) {
      old.gate.setCredentialVersion(credentialVersion);
      return old.gate;
    }
    const { clock, memory } = this.#needs;
    const key = `latch:${camera.id}`;
    const latch = {
      load: () => parseLogins(memory.get(key) ?? '[]') ?? [oneTryOf(credentialVersion)],
      save: (records: readonly LoginRecord[]) => memory.set(key, JSON.stringify(records)),
    };
    const { id, maxConnections } = camera;
    return new CameraGate({ clock, memory: latch }, { camera: id, maxConnections, credentialVersion });
  }

  #onvif(camera: FleetCamera, onvif: NonNullable<FleetCamera['onvif']>, gate: Gate): OnvifCamera {
    const { clock, log, randomBytes } = this.#needs;
    const { port, path, tls, certificateSha256, profile } = onvif;
    const target = {
      ...{ camera: camera.id, host: camera.host, port, path, tls },
      ...(certificateSha256 ? { certificateSha256 } : {}),
      ...(camera.credentials ? { credentials: camera.credentials } : {}),
      ...(profile === undefined ? {} : { profile }),
    };
    return new OnvifCamera(target, gate, {
      clock,
      log,
      randomBytes,
      subscription: this.#subscription(camera.id),
    });
  }

  #subscription(id: string): SubscriptionMemory {
    const { memory } = this.#needs;
    const key = `subscription:${id}`;
    return {
      load: () => memory.get(key),
      save: (subscription) => memory.set(key, subscription),
      clear: () => memory.delete(key),
    };
  }

  /** The count of refused logins stays: to take a camera out and in again gives no new tries. */
  async #remove(id: string): Promise<void> {
    const member = this.#members.get(id);
    this.#members.delete(id);
    if (!member) return;
    await stopFinders(member);
    member.finder.forget();
    member.subFinder?.forget();
  }

  #tell(): void {
    this.#needs.sourcesChanged([...this.#members.values()].flatMap(sourcesOf));
  }
}

/** Of logins whose count is lost: all but one may have been refused. */
function oneTryOf(version: number): LoginRecord {
  return { version, refused: 0, unsure: MAX_REFUSED - 1, proven: false };
}

async function stopFinders({ finder, subFinder }: Member): Promise<void> {
  await Promise.all([finder.stop(), subFinder?.stop()]);
}

/** The sub-stream as a camera of one stream: the same device, another path or profile. */
function substreamOf(camera: FleetCamera): FleetCamera {
  const { id, rtsp, onvif, substream } = camera;
  const { path, profile } = substream ?? {};
  return {
    ...{ ...camera, id: `${id}/sub` },
    ...(rtsp || path !== undefined ? { rtsp: { port: RTSP_PORT, tls: false, ...rtsp, path } } : {}),
    ...(onvif ? { onvif: { ...onvif, profile } } : {}),
  };
}

/** The main stream first; without those whose address is not known. */
function sourcesOf(member: Member): StreamSource[] {
  const main = sourceOf(member, 'main', member.finder.url);
  return [...main, ...sourceOf(member, 'sub', member.subFinder?.url)];
}

function sourceOf(
  { camera }: Member,
  profile: StreamSource['profile'],
  url: string | undefined,
): StreamSource[] {
  if (url === undefined) return [];
  const certificateSha256 = camera.rtsp?.certificateSha256;
  const source = {
    ...{ camera: camera.id, regime: camera.regime, profile, url, transport: camera.transport },
    ...(camera.credentials ? { credentials: camera.credentials } : {}),
    ...(certificateSha256 ? { certificateSha256 } : {}),
  };
  return [source];
}

function same(a: FleetCamera, b: FleetCamera): boolean {
  const device = ({
    regime,
    host,
    substream,
    transport,
    maxConnections,
    credentials,
    onvif,
    rtsp,
  }: FleetCamera) =>
    JSON.stringify([regime, host, substream, transport, maxConnections, credentials, onvif, rtsp]);
  return device(a) === device(b);
}

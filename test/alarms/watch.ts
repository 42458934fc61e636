import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { EventTracks } from '../../agent/alarms/onvif/event-tracks.ts';
import type {
  AlarmConfiguration,
  AlarmPoint,
  BoxCamera,
  BoxView,
  CameraEvents,
  CameraPoint,
  ObjectBrokers,
} from '../../agent/alarms/ports.ts';
import { AlarmRoom } from '../../agent/alarms/room.ts';
import type { Clock, ClockTrust } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import type { OnvifEvent } from '../../agent/camera/onvif/notification.ts';
import type { EventHandler } from '../../agent/camera/onvif/pull-point.ts';
import { type AlarmEvent, alarmEvent, type FaultEvent, faultEvent } from '../../agent/contract/messages.ts';
import type { Reporter } from '../../agent/contract/reporter.ts';
import { Segments } from '../../agent/health/segments.ts';
import { openStore } from '../../agent/store/open-store.ts';
import type { Store } from '../../agent/store/store.ts';
import { Uplink } from '../../agent/uplink/uplink.ts';
import { Recorder } from '../health/recorder.ts';

export const POINT: CameraPoint = {
  id: 'pt-porte',
  name: 'Porte du local',
  camera: 'cam-1',
  kind: 'digital-input',
  inverted: false,
  severity: 'major',
};

/** A box without fault, whose state a test changes. */
export class ScriptedBox implements BoxView {
  list: BoxCamera[] = [];
  /** Which cameras share a part of the network. */
  groups: { readonly id: string; readonly cameras: readonly string[] }[] = [];
  nowMs = () => 0;
  readonly #segments = new Segments();
  #configured = '';
  trust: ClockTrust = 'synced';
  link = true;
  video = true;
  durable = true;
  percent = 0;
  damaged: string[] = [];
  freeMb: number | undefined = 20_000;
  celsius: number | undefined = 45;
  worn: number | undefined = 10;
  line: ReturnType<BoxView['backbone']> = { cause: 'none', detail: '' };
  ends: number | undefined = Date.UTC(2028, 0, 1);
  /** What can no longer be read, with the error. */
  broken: Error | undefined;

  cameras = () => this.list;
  /** One look: those that are silent in it fell silent together. */
  segments = () => {
    const cameras = this.list.map(({ camera }) => ({
      id: camera,
      owner: 'commune' as const,
      segment: this.groups.find(({ cameras }) => cameras.includes(camera))?.id,
    }));
    const configured = JSON.stringify([this.groups, cameras]);
    if (configured !== this.#configured)
      this.#segments.apply(
        this.groups.map(({ id }) => ({ id, name: id, kind: 'switch' as const })),
        cameras,
      );
    this.#configured = configured;
    const verdicts = this.list.flatMap(({ camera, state, cause }) =>
      state === 'maintenance' || state === 'disabled'
        ? []
        : [[camera, { state, cause, detail: '' }] as const],
    );
    this.#segments.look(new Map(verdicts), this.nowMs());
    return this.#segments.views();
  };
  clockTrust = () => this.trust;
  linkIsUp = () => this.link;
  videoRuns = () => this.video;
  storeIsDurable = () => this.durable;
  outboxPercent = () => this.percent;
  backbone = () => this.line;
  diskWearPercent = () => this.#read(this.worn);
  setAside = () => this.#read(this.damaged);
  diskFreeMb = () => this.#read(this.freeMb);
  temperatureC = () => this.#read(this.celsius);
  certificateEndsMs = () => this.#read(this.ends);
  found: { unknown: string[]; moved: string[] } | undefined = { unknown: [], moved: [] };
  inventory = () => this.found;

  async #read<T>(value: T): Promise<T> {
    if (this.broken) throw this.broken;
    return value;
  }
}

const NO_BROKERS: ObjectBrokers = { listen: () => Promise.reject(new Error('no broker in this test')) };

export const CAMERA = { id: 'cam-1', onvif: { events: true } };

/** One start of the agent's alarms on a state folder: real store, real reporter (its broker is never reached). */
export class Watch {
  readonly store;
  readonly recorder: Recorder;
  readonly room: AlarmRoom;
  readonly clock: Clock;
  /** What the streams of the cameras tell of events. */
  readonly tracks: EventTracks;
  /** How far the wall clock can be believed. */
  trust: ClockTrust = 'synced';
  readonly #stop = new AbortController();

  constructor(
    folder: string,
    clock: Clock,
    events: (camera: string) => CameraEvents | undefined,
    objectBrokers = NO_BROKERS,
    box: BoxView = new ScriptedBox(),
    tracks = new EventTracks(),
    /** What the room gets in place of the store. */
    guard: (store: Store) => Store = (store) => store,
  ) {
    const log = createLog('error', { write: () => undefined });
    const clockTrust = () => this.trust;
    this.clock = clock;
    this.tracks = tracks;
    this.store = openStore(folder, { clock, clockTrust, log, sign: () => Buffer.alloc(64) });
    this.recorder = new Recorder(clock);
    const random = () => 0.5;
    const uplink = new Uplink(
      { clock, log, random, store: this.store, clockTrust },
      { site: '57463-mairie', brokers: ['mqtt://127.0.0.1:1'], plainLoopback: true, software: '0' },
    );
    const reporter = tee(this.recorder, uplink.reporter);
    this.room = new AlarmRoom({
      ...{ clock, clockTrust, log, random, reporter, events, objectBrokers, box },
      track: (camera) => this.tracks.of(camera),
      store: guard(this.store),
      newId: randomUUID,
    });
  }

  async start(points: readonly AlarmPoint[] = [POINT], cameras = [CAMERA]): Promise<void> {
    await this.begin({ points, cameras });
  }

  async begin(configuration: AlarmConfiguration): Promise<void> {
    await this.room.start(this.#stop.signal);
    await this.room.apply(configuration);
  }

  /** Ends the room in good order. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.room.stop();
    this.store.close();
  }

  /** Alarm events of the points of the configuration on disk, oldest first. */
  get events(): AlarmEvent[] {
    return this.#alarms.filter(({ kind }) => kind !== 'source-failure');
  }

  /** Alarm events of sources that failed, on disk, oldest first. */
  get failures(): AlarmEvent[] {
    return this.#alarms.filter(({ kind }) => kind === 'source-failure');
  }

  /** Faults on disk, oldest first. */
  get faults(): FaultEvent[] {
    return this.#payloads('/event/fault').map((payload) => faultEvent.parse(payload));
  }

  get #alarms(): AlarmEvent[] {
    return this.#payloads('/event/alarm').map((payload) => alarmEvent.parse(payload));
  }

  #payloads(topicEnd: string): unknown[] {
    const entries = this.store.outbox.next(0, 1000).filter(({ topic }) => topic.endsWith(topicEnd));
    return entries.map(({ payload }) => JSON.parse(payload));
  }

  /** What panels said beside their points, oldest first. */
  get signals(): Record<string, unknown>[] {
    return this.#payloads('/event/panel-signal') as Record<string, unknown>[];
  }

  /** Everything on disk of alarms, of activity and of windows, oldest first. */
  get told(): string[] {
    const entries = this.store.outbox.next(0, 1000);
    return entries.flatMap(({ topic, payload }) => {
      const { transition } = JSON.parse(payload) as { transition?: string };
      return transition === undefined ? [] : [`${topic.split('/').at(-1)} ${transition}`];
    });
  }

  /** The last event of this name on disk. */
  last(name: string): Record<string, unknown> {
    return (this.#payloads(`/event/${name}`).at(-1) ?? {}) as Record<string, unknown>;
  }

  get transitions(): string[] {
    return this.events.map(({ point, transition }) => `${point} ${transition}`);
  }

  shown(point: string = POINT.id): Record<string, unknown> {
    return this.recorder.last('alarmCurrent', point);
  }
}

function tee(first: Recorder, second: Reporter): Reporter {
  return {
    state: (key, entity, fields) => {
      first.state(key, entity, fields);
      second.state(key, entity, fields);
    },
    clearState: (key, entity) => {
      first.clearState(key, entity);
      second.clearState(key, entity);
    },
    measure: (key, entity, fields) => {
      first.measure(key, entity, fields);
      second.measure(key, entity, fields);
    },
    event: (key, entity, fields) => second.event(key, entity, fields),
  };
}

/** What a camera says of a digital input. */
export function inputEvent(
  token: string,
  state: boolean | string,
  operation: OnvifEvent['operation'] = 'Changed',
): OnvifEvent {
  const topic = 'tns1:Device/Trigger/DigitalInput';
  return { topic, operation, source: { InputToken: token }, data: { LogicalState: String(state) } };
}

/** The events of a camera as the test tells them. */
export class ScriptedCamera implements CameraEvents {
  runs = 0;
  /** Thrown instead of a subscription. */
  refusal: Error | undefined;
  #handler: EventHandler | undefined;
  #lose: (error: Error) => void = () => undefined;

  events(handler: EventHandler, signal: AbortSignal): Promise<void> {
    this.runs += 1;
    const { refusal } = this;
    if (refusal) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.#handler = handler;
      this.#lose = reject;
      signal.addEventListener('abort', () => resolve());
      handler.subscribed();
    });
  }

  /** Whether a subscription of before may stand. */
  resumes = false;
  /** Subscriptions that were given up for the metadata track. */
  forgotten = 0;
  /** Times that the states were asked for on the metadata track. */
  synchronized = 0;

  forgetSubscription(): void {
    this.forgotten += 1;
  }

  /** What the camera says of its inputs. */
  polarities: ReadonlyMap<string, boolean> = new Map();
  /** Times that it was asked. */
  asked = 0;

  /** The topics that it declares. */
  declared: readonly string[] | undefined = ['Device/Trigger/DigitalInput'];

  async eventTopics(): Promise<readonly string[] | undefined> {
    return this.declared;
  }

  async inputPolarities(): Promise<ReadonlyMap<string, boolean>> {
    this.asked += 1;
    if (this.refusal) throw this.refusal;
    return this.polarities;
  }

  async synchronizeStream(): Promise<void> {
    this.synchronized += 1;
  }

  get subscribed(): boolean {
    return this.#handler !== undefined;
  }

  /** The subscription ends; resolves when the room has noticed. */
  async lose(error: Error): Promise<void> {
    this.#handler = undefined;
    this.#lose(error);
    await setImmediate();
  }

  /** As the camera room does: what the handler throws ends the run. */
  say(event: Partial<OnvifEvent>): void {
    try {
      this.#handler?.event({ topic: '', operation: 'Changed', source: {}, data: {}, ...event });
    } catch (thrown) {
      void this.lose(thrown as Error);
    }
  }

  input(token: string, state: boolean | string, operation: OnvifEvent['operation'] = 'Changed'): void {
    this.say(inputEvent(token, state, operation));
  }

  tamper(kind: string, state: boolean): void {
    const topic = `tns1:VideoSource/${kind}/ImagingService`;
    this.say({ topic, source: { Source: 'vs1' }, data: { State: String(state) } });
  }
}

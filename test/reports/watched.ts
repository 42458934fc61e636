import type { ClockTrust } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { factsOnDisk } from '../../agent/reports/facts.ts';
import type { BegunWindow, Figure, Observation } from '../../agent/reports/ports.ts';
import { composeReport, type Report, type ReportLine, stretchOf } from '../../agent/reports/report.ts';
import { ReportRoom } from '../../agent/reports/room.ts';
import { openStore, type SqliteStore } from '../../agent/store/open-store.ts';
import { readTimelineOf } from '../../agent/store/read-timeline.ts';
import { Recorder } from '../health/recorder.ts';
import { TestClock } from '../support/test-clock.ts';

/** Days pass in these tests: seconds would take too long. */
export const LOOK_MS = 60_000;
const SITE = '57463-mairie';

/** A box whose cameras are as the test says, with a real store and a clock of the test. */
export class Watched {
  clock: TestClock;
  readonly recorder: Recorder;
  readonly folder: string;
  trust: ClockTrust = 'synced';
  seen = new Map<string, Observation>();
  windows: BegunWindow[] = [];
  figures: Figure[] = [];
  store: SqliteStore;
  room: ReportRoom;
  #stop = new AbortController();

  constructor(folder: string, wallMs: number) {
    this.folder = folder;
    this.clock = new TestClock(wallMs);
    this.recorder = new Recorder(this.clock);
    this.store = this.#open();
    this.room = this.#room();
  }

  camera(subject: string, state: string, more: Partial<Observation> = {}): void {
    const side = state === 'down' ? 'camera' : 'none';
    const cause = state === 'down' ? 'camera-unreachable' : 'none';
    this.seen.set(subject, { subject, track: 'health', state, cause, side, via: undefined, ...more });
  }

  async start(): Promise<void> {
    this.#stop = new AbortController();
    this.configure();
    await this.room.start(this.#stop.signal);
    await this.clock.advance(0);
  }

  configure(monthly = true): void {
    const facts = [...this.seen.keys()].map((id) => ({ id, name: `Nom de ${id}` }));
    this.room.apply(facts, { monthly, targets: { cameraAvailabilityPercent: 99 } });
  }

  async stop(): Promise<void> {
    await this.room.stop();
    this.store.close();
  }

  /** The process is gone without a word; the machine goes on. */
  kill(): void {
    this.#stop.abort();
    this.store.close();
  }

  /** A new start of the agent, of which nothing is known but the disk. */
  async restart(trust: ClockTrust = 'synced', wallMs = this.clock.wallMs()): Promise<void> {
    this.clock = new TestClock(wallMs);
    this.trust = trust;
    this.store = this.#open();
    this.room = this.#room();
    await this.start();
  }

  /** By what is on the disk, as who stands before the box reads it. */
  report(from: string, to: string): Report {
    const period = { from, to };
    const { fromMs, untilMs } = stretchOf(period);
    const { memory, ...disk } = readTimelineOf(this.folder, fromMs, untilMs);
    const facts = factsOnDisk(memory);
    return composeReport({ site: SITE, period, nowMs: this.clock.wallMs(), ...disk, ...facts });
  }

  line(subject: string, from: string, to: string): ReportLine {
    const line = this.report(from, to).lines.find((one) => one.subject === subject);
    if (!line) throw new RangeError(`${subject} is not in the report`);
    return line;
  }

  #open(): SqliteStore {
    const { clock } = this;
    const log = createLog('error', { write: () => undefined });
    return openStore(this.folder, { clock, clockTrust: () => this.trust, log, sign: () => Buffer.alloc(64) });
  }

  #room(): ReportRoom {
    const { store, clock } = this;
    const needs = {
      ...{ site: SITE, clock, clockTrust: () => this.trust },
      log: createLog('error', { write: () => undefined }),
      ...{ memory: store.memory, register: store.register, timeline: store.timeline },
      transaction: <T>(work: () => T) => store.transaction(work),
      reporter: this.recorder,
      look: () => ({ seen: [...this.seen.values()], windows: this.windows, figures: this.figures }),
    };
    return new ReportRoom(needs, LOOK_MS);
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import type { Permit } from '../../agent/camera/types.ts';
import type { PictureReport, VideoCamera } from '../../agent/contract/video-link.ts';
import {
  type CameraEventsReport,
  type ChannelReport,
  type DestinationReport,
  type EventTrackReport,
  type GapReport,
  type MeasureReport,
  type PauseReport,
  type StreamReport,
  VideoLink,
} from '../../agent/video/link-server.ts';

const MIB = 2 ** 20;
const LAUNCHER = join(import.meta.dirname, '../../agent/beffroi');

export const SITE = '57463-mairie';

type Outcome = 'accepted' | 'refused' | 'unanswered' | 'undecided';

/** The agent's end of the link, which writes down what it hears and counts what it grants. */
export class AgentEnd {
  readonly streams: StreamReport[] = [];
  readonly measures: MeasureReport[] = [];
  readonly destinations: DestinationReport[] = [];
  readonly gaps: GapReport[] = [];
  /** The number of each. */
  readonly gapNumbers: number[] = [];
  readonly pauses: PauseReport[] = [];
  readonly channels: ChannelReport[] = [];
  readonly tracks: EventTrackReport[] = [];
  readonly events: CameraEventsReport['events'] = [];
  readonly pictures: PictureReport[] = [];
  /** Cameras of the permits held now. */
  readonly held: string[] = [];
  readonly logins: { readonly camera: string; readonly outcome: Outcome }[] = [];
  acquired = 0;
  brokerConnected = false;
  connections = 0;
  /** Refused logins that each camera may still have. */
  refusalsLeft = 3;
  /** Where the names of cameras led when they were judged. */
  addresses: string[] | undefined;
  readonly link: VideoLink;
  readonly #waiting = new Set<() => void>();

  constructor(socketPath: string) {
    const wake = () => {
      for (const one of [...this.#waiting]) one();
    };
    const heard =
      <T>(keep: (report: T) => void) =>
      (report: T) => {
        keep(report);
        wake();
      };
    this.link = new VideoLink(
      {
        clock: systemClock,
        log: createLog('error', { write: () => undefined }),
        permits: { acquire: async (camera) => this.#permit(camera) },
        handlers: {
          stream: heard((report) => this.streams.push(report)),
          measure: heard((report) => this.measures.push(report)),
          destination: heard((report) => this.destinations.push(report)),
          reached: heard(() => undefined),
          gap: (report, number) => {
            this.gapNumbers.push(number);
            this.gaps.push(report);
            wake();
          },
          pause: heard((report) => this.pauses.push(report)),
          channel: heard((report) => this.channels.push(report)),
          eventTrack: heard((report) => this.tracks.push(report)),
          cameraEvents: heard(({ events }) => this.events.push(...events)),
          alive: heard((report) => {
            this.brokerConnected = report.brokerConnected;
          }),
          picture: heard((report) => this.pictures.push(report)),
          connected: heard<void>(() => {
            this.connections += 1;
          }),
          disconnected: heard<void>(() => undefined),
        },
      },
      { socketPath },
    );
  }

  async start(): Promise<void> {
    await this.link.start(new AbortController().signal);
  }

  async stop(): Promise<void> {
    await this.link.stop();
  }

  /** Resolves when it holds; looked at after each report. */
  async until(done: () => boolean): Promise<void> {
    while (!done()) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
  }

  /** Resolves when the last report of a camera says so, or a later one: several may come at once. */
  async phase(camera: string, phase: StreamReport['phase'], code?: string): Promise<void> {
    const from = Math.max(
      0,
      this.streams.findLastIndex((report) => report.camera === camera),
    );
    const says = (report: StreamReport) =>
      report.camera === camera && report.phase === phase && (code === undefined || report.code === code);
    await this.until(() => this.streams.slice(from).some(says));
  }

  #permit(camera: string): Permit {
    this.acquired += 1;
    this.held.push(camera);
    let released = false;
    return {
      ...(this.addresses ? { addresses: this.addresses } : {}),
      tryLogin: async () => this.refusalsLeft > 0,
      loginAccepted: () => this.logins.push({ camera, outcome: 'accepted' }),
      loginRefused: () => {
        this.refusalsLeft -= 1;
        this.logins.push({ camera, outcome: 'refused' });
      },
      loginUnanswered: () => this.logins.push({ camera, outcome: 'unanswered' }),
      loginUndecided: () => this.logins.push({ camera, outcome: 'undecided' }),
      release: () => {
        if (released) return;
        released = true;
        this.held.splice(this.held.indexOf(camera), 1);
      },
    };
  }
}

/** The video process as systemd or the agent runs it, with its box file in a folder of its own. */
export class VideoPlane {
  readonly agent: AgentEnd;
  readonly socketPath: string;
  readonly #folder: string;
  readonly #configFile: string;
  /** What the process wrote. */
  log = '';
  child: ChildProcess | undefined;

  private constructor(folder: string, configFile: string) {
    this.#folder = folder;
    this.#configFile = configFile;
    this.socketPath = join(folder, 'run', 'video.sock');
    this.agent = new AgentEnd(this.socketPath);
  }

  static async start(brokerUrl: string, ...args: string[]): Promise<VideoPlane> {
    return VideoPlane.#begin(brokerUrl, (plane) => plane.spawn(...args));
  }

  /** Through the launcher, with everything that it sets for a box. */
  static async launch(brokerUrl: string): Promise<VideoPlane> {
    return VideoPlane.#begin(brokerUrl, (plane) => plane.#run(LAUNCHER, 'video'));
  }

  static async #begin(brokerUrl: string, run: (plane: VideoPlane) => void): Promise<VideoPlane> {
    const folder = await mkdtemp(join(tmpdir(), 'video-plane-'));
    await mkdir(join(folder, 'run'), { mode: 0o700 });
    const configFile = join(folder, 'box.json');
    const unused = join(folder, 'none');
    const box = {
      site: SITE,
      brokers: [brokerUrl],
      plainLoopback: true,
      trust: { authority: unused, keyring: unused, sealKey: unused, signKey: unused },
      stateFolder: join(folder, 'state'),
      runtimeFolder: join(folder, 'run'),
      clock: 'host',
    };
    await writeFile(configFile, JSON.stringify(box));
    const plane = new VideoPlane(folder, configFile);
    await plane.agent.start();
    run(plane);
    await plane.agent.until(() => plane.agent.brokerConnected);
    return plane;
  }

  spawn(...args: string[]): ChildProcess {
    return this.#run(process.execPath, join(import.meta.dirname, '../../agent/video-main.ts'), ...args);
  }

  #run(command: string, ...args: string[]): ChildProcess {
    const child = spawn(command, [...args, '--config', this.#configFile], { stdio: 'pipe' });
    child.stdout?.on('data', (text: Buffer) => (this.log += text.toString()));
    child.stderr?.on('data', (text: Buffer) => (this.log += text.toString()));
    this.child = child;
    return child;
  }

  async stop(): Promise<void> {
    await this.end('SIGTERM');
    await this.agent.stop();
    await rm(this.#folder, { recursive: true });
  }

  /** Everything that it wrote is in the log then. @returns the exit code */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
    return child.exitCode;
  }
}

export function cameraAt(camera: string, url: string, more: Partial<VideoCamera> = {}): VideoCamera {
  return {
    ...{ camera, url, profile: 'main', transport: 'tcp', regime: 'continuous', delivery: 'continuous' },
    ...{ fragmentMs: 200, stallTimeoutMs: 5_000, cacheBytes: 4 * MIB },
    destinations: [{ id: 'mqtt', kind: 'mqtt', creditBytes: 4 * MIB }],
    events: false,
    ...more,
  };
}

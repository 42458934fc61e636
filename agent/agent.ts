import { randomBytes, randomUUID, sign } from 'node:crypto';
import { join } from 'node:path';
import { EventTracks } from './alarms/onvif/event-tracks.ts';
import type { BoxView } from './alarms/ports.ts';
import { AlarmRoom } from './alarms/room.ts';
import { type Clock, machineUptimeMs, systemClock } from './base/clock.ts';
import { DeviceError, OrderRefusedError } from './base/errors.ts';
import { readAtMostSync } from './base/files.ts';
import { type Service, ServiceGroup } from './base/lifecycle.ts';
import type { Log } from './base/log.ts';
import { CameraFleet, type StreamSource } from './camera/fleet.ts';
import { Pinger } from './camera/ping.ts';
import { probe } from './camera/probe.ts';
import { StatusServer, statusSocketPath } from './cli/status-socket.ts';
import { SystemdNotifier } from './cli/systemd.ts';
import { CommandDesk } from './commands/desk.ts';
import type { CommandPorts } from './commands/ports.ts';
import { ReceiptDesk } from './commands/receipts.ts';
import type { BoxFile } from './config/box-file.ts';
import type { BoxKeys } from './config/box-keys.ts';
import { PartnerMemory } from './config/consent/memory.ts';
import { lookUp } from './config/consent/names.ts';
import { PartnersConsent, type WayTo } from './config/consent/partners-consent.ts';
import { ConfigurationKeeper } from './config/keeper.ts';
import { rememberKeyring } from './config/keyring-memory.ts';
import type { OpenedConfiguration } from './config/opened.ts';
import { unconfigured, withOwnPoints } from './config/own-points.ts';
import { type CameraRegime, regimesOf } from './config/partners.ts';
import { pullList } from './config/pull-list.ts';
import { TimeFloor } from './config/time-floor.ts';
import { creditBytesOf, prioritiesOf, videoDestinations } from './config/video-destinations.ts';
import type { StatusSnapshot } from './contract/status.ts';
import type { PulledCamera } from './contract/video-link.ts';
import { BackboneHealth } from './health/backbone/health.ts';
import type { Connection } from './health/backbone/window.ts';
import { BoxHealth } from './health/box-health.ts';
import { certificateEndsMs } from './health/certificate.ts';
import { ClockSource, synchronisedAtMs } from './health/clock-source.ts';
import { diskWearPercent } from './health/disk-wear.ts';
import { Forwarding } from './health/forwarding.ts';
import type { Arrival } from './health/gap-memory.ts';
import { expectedSerial } from './health/identity.ts';
import { CameraHealthRoom } from './health/room.ts';
import { plannedFor } from './health/shown.ts';
import { freeMb, temperatureC } from './health/vitals.ts';
import { InventoryRoom } from './inventory/room.ts';
import type { Look } from './reports/recorder.ts';
import { ReportRoom } from './reports/room.ts';
import { begunWindow, factsOf, LinkWatch, observations } from './reports/seen.ts';
import { openStore, type SqliteStore } from './store/open-store.ts';
import { Refusals } from './trust/refusals.ts';
import { listenToBroker, localClientId } from './uplink/local-broker.ts';
import { type Delivery, Uplink } from './uplink/uplink.ts';
import { VideoLink } from './video/link-server.ts';
import { VideoSupervisor } from './video/supervisor.ts';
import { Missions } from './viewing/missions.ts';
import type { AskedLease, MachineClock, VideoPort } from './viewing/ports.ts';
import { ViewingRoom } from './viewing/room.ts';

export interface AgentNeeds {
  readonly box: BoxFile;
  readonly keys: BoxKeys;
  readonly log: Log;
}

export interface AgentOptions {
  /** The box file, which the video process reads by itself. */
  readonly configFile: string;
  /** False where systemd runs the video process. */
  readonly spawnVideo: boolean;
  /** Version of the agent. */
  readonly software: string;
}

/** The agent: constructs the rooms in the order of the data, and decides nothing. */
export class Agent implements Service {
  readonly name = 'agent';
  readonly #needs: AgentNeeds;
  readonly #options: AgentOptions;
  readonly #clock: Clock = systemClock;
  readonly #store: SqliteStore;
  readonly #clockSource: ClockSource;
  readonly #uplink: Uplink;
  readonly #refusals: Refusals;
  readonly #fleet: CameraFleet;
  readonly #eventTracks = new EventTracks();
  readonly #supervisor: VideoSupervisor | undefined;
  readonly #video: VideoLink;
  readonly #cameraHealth: CameraHealthRoom;
  readonly #forwarding: Forwarding;
  readonly #boxHealth: BoxHealth;
  readonly #backboneHealth: BackboneHealth;
  readonly #alarms: AlarmRoom;
  readonly #reports: ReportRoom;
  readonly #inventory: InventoryRoom;
  readonly #linkWatch = new LinkWatch();
  readonly #consent: PartnersConsent;
  readonly #keeper: ConfigurationKeeper;
  readonly #commands: CommandDesk;
  readonly #receipts: ReceiptDesk;
  readonly #viewing: ViewingRoom;
  readonly #missions: Missions;
  readonly #services: ServiceGroup;
  readonly #upSinceMs = systemClock.wallMs();
  #inForce: OpenedConfiguration | undefined;
  #regimes: ReadonlyMap<string, CameraRegime> = new Map();
  #sources: readonly StreamSource[] = [];
  #videoLine: Connection | undefined;
  #videoBrokerConnected = false;

  /** Opens the store; everything else begins in `start`. */
  constructor(needs: AgentNeeds, options: AgentOptions) {
    this.#needs = needs;
    this.#options = options;
    const { box, keys, log } = needs;
    const { site } = box;
    const clock = this.#clock;
    const common = { clock, log, random: Math.random };

    this.#clockSource = new ClockSource({ clock, log, synchronisedAtMs }, box.clock);
    const clockTrust = () => this.#clockSource.trust();
    const signed = (bytes: Buffer) => sign(null, bytes, keys.signKey.privateKey);
    const { stateFolder, runtimeFolder } = box;
    this.#store = openStore(stateFolder, { clock, clockTrust, log, sign: signed }, { runtimeFolder });
    this.#uplink = new Uplink(
      { ...common, store: this.#store, clockTrust },
      {
        site,
        brokers: box.brokers,
        backupBrokers: box.backupBrokers,
        plainLoopback: box.plainLoopback,
        software: options.software,
        ...(box.tls ? { tls: box.tls } : {}),
      },
    );
    const { reporter } = this.#uplink;
    const { register, memory } = this.#store;
    this.#refusals = new Refusals({ clock, log, reporter, register });

    this.#fleet = new CameraFleet({
      ...common,
      randomBytes,
      memory: {
        get: (key) => memory.get('camera', key),
        set: (key, value) => memory.set('camera', key, value),
        delete: (key) => memory.delete('camera', key),
      },
      sourcesChanged: (sources) => this.#pull(sources),
    });
    this.#supervisor = options.spawnVideo
      ? new VideoSupervisor(common, { configFile: options.configFile })
      : undefined;
    this.#video = this.#videoLink();
    const machine = machineClock();
    const kept = ({ run, number }: Arrival) => this.#video.keptGaps(run, number);
    const transaction = (work: () => void) => this.#store.transaction(work);
    this.#forwarding = new Forwarding(
      { clock, reporter, memory, transaction, kept },
      { machine: machine.bootId },
    );
    this.#cameraHealth = new CameraHealthRoom({
      ...common,
      clockTrust,
      reporter,
      memory,
      tcp: probe,
      ping: new Pinger(clock).ping,
      look: (camera, confirms) => this.#video.look(camera, confirms),
      onvif: (camera) => this.#fleet.onvif(camera),
      describe: (camera, signal) => this.#fleet.describe(camera, signal),
      planned: (camera) => plannedFor(camera, this.#alarms.works()),
    });
    this.#alarms = new AlarmRoom({
      ...common,
      clockTrust,
      reporter,
      store: this.#store,
      newId: randomUUID,
      events: (camera) => this.#fleet.onvif(camera),
      track: (camera) => this.#eventTracks.of(camera),
      box: this.#boxView(),
      objectBrokers: {
        listen: (broker, heard, handler, signal) => {
          const clientId = localClientId(site, broker.id, heard);
          return listenToBroker(clock, broker, { clientId, ...heard }, handler, signal);
        },
      },
    });
    this.#backboneHealth = new BackboneHealth({
      ...{ clock, log, reporter },
      paths: () => this.#uplink.takeLines(),
      videoLine: () => (this.#video.connected ? this.#videoLine : undefined),
    });
    this.#boxHealth = new BoxHealth(
      {
        clock,
        log,
        reporter,
        store: this.#store,
        clockTrust,
        cameras: () => this.#cameraHealth.counts(),
        videoRunning: () => this.#video.connected,
        backbone: () => this.#backboneHealth.fault,
        ordersRefused: () => this.#refusals.total,
      },
      { stateFolder: box.stateFolder, clockSource: box.clock },
    );

    this.#reports = new ReportRoom({
      ...{ site, clock, clockTrust, log, reporter, memory, register },
      timeline: this.#store.timeline,
      transaction: (work) => this.#store.transaction(work),
      look: () => this.#look(),
    });

    this.#inventory = new InventoryRoom({
      ...{ clock, log, memory, reporter, lookUp, newId: randomUUID },
      transaction: (work) => this.#store.transaction(work),
      serial: (camera) => expectedSerial((room, key) => memory.get(room, key), camera),
      isSwapped: (camera) => this.#isSwapped(camera),
    });

    const orders = {
      site,
      keyring: keys.keyring,
      clock,
      clockTrust,
      reporter,
      store: this.#store,
      refusals: this.#refusals,
    };
    this.#consent = new PartnersConsent({
      ...orders,
      ...{ log, register, lookup: lookUp },
      memory: new PartnerMemory(memory, box.stateFolder, log),
    });
    this.#keeper = new ConfigurationKeeper({
      ...orders,
      log,
      consent: this.#consent,
      sealKey: keys.sealKey,
      consumer: { apply: (next) => this.#apply(next) },
    });
    this.#missions = new Missions({
      ...{ clock, clockTrust, log, machine, reporter, store: this.#store },
      changed: () => this.#tellBackbone(),
    });
    this.#viewing = new ViewingRoom({
      ...{ site, keyring: keys.keyring, clock, clockTrust, log, reporter, store: this.#store },
      machine,
      video: this.#videoPort(),
      control: {
        link: () => this.#uplink.control,
        watch: (everyMs) => this.#uplink.watchControl(everyMs),
      },
    });
    this.#commands = new CommandDesk({ ...orders, ports: this.#commandPorts() });
    const floor = new TimeFloor(memory);
    this.#receipts = new ReceiptDesk({
      ...{ ...orders, log, outbox: this.#store.outbox },
      timeFloorMs: () => floor.ms,
    });
    this.#services = new ServiceGroup('agent', this.#inOrder(), clock);
  }

  async start(signal: AbortSignal): Promise<void> {
    const { keys } = this.#needs;
    rememberKeyring(this.#store.memory, keys.authority, keys.keyring.version);
    this.#takeOrders();
    this.#publishRegister();
    this.#note('agent.start', `version ${this.#options.software}, boot ${this.#store.boot}`);
    await this.#services.start(signal);
    this.#alarms.bridge(unconfigured());
  }

  /** An error that nobody caught ends the process. */
  crashed(): void {
    try {
      this.#keeper.crashed();
    } catch {
      // The error that ends the process is the one to be seen.
    }
  }

  async stop(): Promise<void> {
    this.#note('agent.stop', 'ordered');
    try {
      await this.#services.stop();
    } finally {
      this.#store.close();
    }
  }

  #inOrder(): Service[] {
    const { box, log } = this.#needs;
    const notifier = new SystemdNotifier(
      { clock: this.#clock, log, parts: [this.#store, this.#cameraHealth, this.#alarms, this.#uplink] },
      process.env,
    );
    return [
      this.#clockSource,
      this.#store,
      this.#forwarding,
      this.#video,
      this.#viewing,
      this.#missions,
      ...(this.#supervisor ? [this.#supervisor] : []),
      this.#fleet,
      this.#cameraHealth,
      this.#boxHealth,
      this.#backboneHealth,
      this.#alarms,
      this.#reports,
      this.#inventory,
      this.#refusals,
      this.#keeper,
      this.#commands,
      this.#uplink,
      new StatusServer(statusSocketPath(box.runtimeFolder), () => this.#snapshot()),
      notifier,
    ];
  }

  /** What the rooms know of the box, for its own alarms. */
  #boxView(): BoxView {
    const { stateFolder, tls } = this.#needs.box;
    return {
      cameras: () => this.#cameraHealth.status(),
      segments: () => this.#cameraHealth.segments(),
      clockTrust: () => this.#clockSource.trust(),
      linkIsUp: () => this.#uplink.status().connected,
      videoRuns: () => this.#video.connected,
      storeIsDurable: () => this.#store.durable,
      outboxPercent: () => this.#store.outbox.filledPercent(),
      setAside: async () => this.#store.setAside(),
      diskFreeMb: () => freeMb(stateFolder),
      temperatureC,
      diskWearPercent: () => diskWearPercent(stateFolder),
      backbone: () => this.#backboneHealth.fault,
      certificateEndsMs: async () => tls && (await certificateEndsMs(tls.certificate)),
      inventory: () => this.#inventory.words(),
    };
  }

  #isSwapped(camera: string): boolean {
    return this.#cameraHealth.status().some((one) => one.camera === camera && one.cause === 'camera-swapped');
  }

  /** How everything is, for the reports. */
  #look(): Look {
    const cameras = this.#cameraHealth.observed();
    const segments = this.#cameraHealth.segments();
    const link = this.#linkWatch.fault(this.#uplink.status(), this.#clock.monotonicMs());
    return {
      seen: observations(cameras, segments, link ?? this.#boxHealth.fault),
      windows: this.#alarms.works().map((works) => begunWindow(works, cameras, segments)),
      figures: cameras.flatMap(({ camera: subject, clockOffMs: value }) =>
        value === undefined ? [] : [{ subject, name: 'clock_off_ms', value }],
      ),
    };
  }

  #videoLink(): VideoLink {
    return new VideoLink(
      {
        clock: this.#clock,
        log: this.#needs.log,
        permits: {
          acquire: async (camera, signal) => {
            const gate = this.#fleet.gate(camera);
            if (!gate)
              throw new DeviceError(
                'camera-not-found',
                `${camera} is no camera of the configuration in force`,
              );
            const way = await this.#wayTo(camera);
            if (!way)
              throw new OrderRefusedError(
                'lease-none',
                `${camera} is the camera of a partner, and no lease is open`,
              );
            return Object.assign(await gate.acquire(signal), way);
          },
        },
        handlers: {
          stream: (report) => {
            this.#cameraHealth.onStream({ type: 'stream', ...report });
            if (report.code === 'camera-not-found') this.#fleet.doubtAddress(report.camera);
          },
          measure: (report) => this.#cameraHealth.onMeasure({ type: 'measure', ...report }),
          picture: (report) => this.#cameraHealth.onPicture(report),
          destination: (report) => {
            this.#forwarding.onDestination(report);
            this.#cameraHealth.onDestination(report);
          },
          reached: (report) => this.#forwarding.onReached(report, this.#video.process ?? ''),
          gap: (report, number) => this.#forwarding.onGap(report, { run: this.#video.process ?? '', number }),
          pause: (report) => this.#forwarding.onPause(report),
          channel: (report) => this.#viewing.onReport(report),
          eventTrack: ({ camera, state }) => this.#eventTracks.state(camera, state),
          cameraEvents: ({ camera, events }) => this.#eventTracks.events(camera, events),
          alive: (report) => {
            this.#videoBrokerConnected = report.brokerConnected;
            this.#videoLine = report.line;
          },
          silent: () => this.#supervisor?.recycle(),
          connected: () => {
            this.#cameraHealth.onVideo(true);
            this.#tellBackbone();
            this.#viewing.onVideo();
          },
          disconnected: () => {
            this.#videoBrokerConnected = false;
            this.#cameraHealth.onVideo(false);
            this.#forwarding.onVideoAway();
            this.#eventTracks.lost();
            this.#viewing.onVideo();
          },
        },
      },
      { socketPath: join(this.#needs.box.runtimeFolder, 'video.sock') },
    );
  }

  #commandPorts(): CommandPorts {
    return {
      ping: async () => `beffroi ${this.#options.software}, boot ${this.#store.boot}`,
      checkCamera: (camera, signal) => this.#cameraHealth.check(camera, signal),
      confirmRepair: async (camera, signal) => {
        const confirmed = await this.#cameraHealth.confirm(camera, signal);
        this.#inventory.accept(camera);
        return confirmed;
      },
      takeInventory: (signal) => this.#inventory.run(signal),
      restartStream: async (camera) => {
        if (!this.#video.restart(camera)) {
          throw new DeviceError('camera-stalled', `${camera}: the video process is away`);
        }
        return `${camera}: the stream is begun anew`;
      },
      publishReport: (period, signal) => this.#reports.publish(period, signal),
      confirmPicture: (camera) => this.#cameraHealth.confirmPicture(camera),
      resetPicture: (camera) => this.#cameraHealth.resetPicture(camera),
      knowsCamera: (camera) => this.#inForce?.cameras.some(({ id }) => id === camera) ?? false,
      isLeased: (camera) =>
        this.#inForce?.cameras.some(({ id, regime }) => id === camera && regime === 'leased') ?? false,
      alarms: this.#alarms.decisions,
      missions: this.#missions,
      viewing: this.#viewing,
    };
  }

  #videoPort(): VideoPort {
    const video = this.#video;
    return {
      get process() {
        return video.process;
      },
      setViews: (views) => video.setViews(views),
      openLease: (asked) => this.#openLease(asked),
      holdLeases: (standing) => video.holdLeases(standing, this.#clockSource.trust()),
    };
  }

  #openLease(asked: AskedLease): boolean {
    const source = this.#sources.find(
      ({ camera, profile, regime }) => camera === asked.camera && profile === 'main' && regime === 'leased',
    );
    const config = this.#inForce;
    if (!source || !config) return false;
    const camera = { ...pulledBy(source, config), regime: 'leased' as const };
    return this.#video.openLease({ ...asked, camera, creditBytes: creditBytesOf(config) });
  }

  /** A partner's camera is connected to for its pictures on a lease alone; what has no regime is not. */
  async #wayTo(camera: string): Promise<WayTo | undefined> {
    if (this.#viewing.mayPull(camera)) return {};
    if (this.#regimes.get(camera)?.regime !== 'continuous') return undefined;
    const { host } = this.#inForce?.cameras.find(({ id }) => id === camera) ?? {};
    return host === undefined ? undefined : await this.#consent.wayTo(host);
  }

  /** The rooms take their part of the configuration, each by its own difference. */
  async #apply(next: OpenedConfiguration): Promise<void> {
    const cameras = next.cameras.filter(({ enabled }) => enabled);
    this.#inForce = next;
    this.#regimes = regimesOf({ ...next, cameras }, this.#consent.withheld(next));
    this.#viewing.apply({ cameras: this.#regimes, maxViewMinutes: next.video.maxViewMinutes });
    this.#tellBackbone();
    if (this.#sources.length > 0) this.#pull(this.#sources); // what may no longer be pulled ends first
    this.#uplink.deliver(deliveryOf(next));
    this.#eventTracks.expect(listenedTo(next));
    await this.#boxHealth.schedule(next.health.vitalsSchedule);
    this.#backboneHealth.apply(next.health.backbone);
    await this.#fleet.apply(cameras);
    await this.#cameraHealth.apply(next.cameras, next.health, next.segments);
    await this.#alarms.apply({ ...withOwnPoints(next), cameras });
    await this.#inventory.apply(next.cameras, next.inventory);
    this.#reports.apply(factsOf(next, this.#needs.box.site), next.reports);
    const entities = next.cameras.map(({ id }) => id);
    const points = this.#alarms.status().map(({ point }) => point);
    const segments = this.#cameraHealth.segments().map(({ id }) => id);
    this.#uplink.reporter.retire([...entities, ...segments, ...points]);
  }

  /** Cameras of the commune and the metropole are pulled as they are found; those of partners on a lease. */
  #pull(sources: readonly StreamSource[]): void {
    const config = this.#inForce;
    if (!config) return;
    const { site } = this.#needs.box;
    const destinations = {
      main: videoDestinations(config, site, 'main'),
      sub: videoDestinations(config, site, 'sub'),
    };
    this.#sources = sources;
    for (const { camera, profile, url } of sources) {
      if (profile === 'sub') continue;
      const { hostname, port } = new URL(url);
      this.#cameraHealth.onStreamAddress(camera, hostname, Number(port));
    }
    const continuous = pullList(sources, {
      ...{ regimes: this.#regimes, destinations, listened: listenedTo(config) },
      cacheBytes: config.video.cacheKb * 1024,
      pulledBy: (source) => pulledBy(source, config),
    });
    this.#video.setCameras(continuous);
  }

  /** Who goes first on the backbone, and how much there is. */
  #tellBackbone(): void {
    const config = this.#inForce;
    if (!config) return;
    this.#video.setBackbone({
      budget: config.video.backbone,
      cameras: prioritiesOf(config.cameras),
      missions: this.#missions.begun(),
    });
  }

  #takeOrders(): void {
    this.#uplink.onOrder((kind, payload, retained) => {
      if (kind === 'receipt') {
        this.#receipts.receive(payload, retained);
        return;
      }
      const taken =
        kind === 'configuration' ? this.#keeper.receive(payload) : this.#commands.receive(payload, retained);
      taken.catch((err: unknown) => this.#needs.log.error({ err, kind }, 'order lost'));
    });
    this.#uplink.onLargeOrder((kind, bytes) => {
      if (kind === 'configuration') this.#keeper.refuseOversize(bytes);
      else if (kind === 'command') this.#commands.refuseOversize(bytes);
      else this.#receipts.refuseOversize(bytes);
    });
  }

  #publishRegister(): void {
    const { register } = this.#store;
    const publish = () => {
      const { length, hash, signature } = register.head();
      this.#uplink.reporter.state('register', 'collector', { length, head: hash, signature });
    };
    register.onAppended(publish);
  }

  #note(action: string, detail: string): void {
    this.#store.register.append({
      action,
      who: 'box',
      subject: this.#needs.box.site,
      result: 'done',
      detail,
    });
  }

  #snapshot(): StatusSnapshot {
    const { sinceMs, ...link } = this.#uplink.status();
    const { phase, appliedVersion, detail } = this.#keeper.status;
    return {
      site: this.#needs.box.site,
      software: this.#options.software,
      wallMs: this.#clock.wallMs(),
      upSinceMs: this.#upSinceMs,
      clock: this.#clockSource.trust(),
      link: { ...link, since: sinceMs },
      config: { phase, appliedVersion, detail },
      video: { running: this.#video.connected, brokerConnected: this.#videoBrokerConnected },
      storageDurable: this.#store.durable,
      ordersRefused: this.#refusals.total,
      cameras: this.#cameraHealth.status(),
      alarms: this.#alarms.status(),
      channels: this.#viewing.status(),
    };
  }
}

/** What a camera is pulled by, whatever its regime. */
function pulledBy(
  { regime: _, profile: _profile, ...source }: StreamSource,
  { health, video }: OpenedConfiguration,
): PulledCamera {
  return { ...source, fragmentMs: video.fragmentMs, stallTimeoutMs: health.stallTimeoutMs };
}

/** Cameras that speak for alarm points: their streams are pulled with the metadata track, where there is one. */
function listenedTo({ cameras, points }: OpenedConfiguration): ReadonlySet<string> {
  const events = cameras.filter(
    ({ enabled, regime, onvif }) => enabled && regime === 'continuous' && onvif?.events,
  );
  const spoken = new Set(points.flatMap((point) => ('topics' in point ? [point.camera] : [])));
  return new Set(events.flatMap(({ id }) => (spoken.has(id) ? [id] : [])));
}

/** @see random(4): a new id at each start of the kernel */
function machineClock(): MachineClock {
  const bootId = readAtMostSync('/proc/sys/kernel/random/boot_id', 64)?.toString('ascii').trim() ?? '';
  return { bootId, uptimeMs: machineUptimeMs };
}

/** The settings of delivery in the words of the uplink. */
function deliveryOf({ delivery }: OpenedConfiguration): Delivery {
  const { confirm, resendAfterS, liveWithinS, backlogPerS, supervisionS, backupSupervisionS, category } =
    delivery;
  return {
    confirm,
    resendAfterMs: resendAfterS * 1000,
    liveWithinMs: liveWithinS * 1000,
    backlogPerS,
    supervisionMs: supervisionS * 1000,
    backupSupervisionMs: backupSupervisionS * 1000,
    category: category ?? 'none',
  };
}

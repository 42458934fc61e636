/** The rooms of `agent/` and of the project: what each is and which others it may import. The one table of the check and the drawing. */
export interface Room {
  readonly folder: string;
  readonly is: string;
  readonly mayImport: readonly string[];
  /** Packages and Node modules that this room alone, or with the others that list them, may import. */
  readonly owns: readonly string[];
}

export const ROOMS: Readonly<Record<string, Room>> = {
  base: {
    folder: 'agent/base',
    is: 'words everyone uses: errors, clock, life cycle, retry, schedule, log',
    mayImport: [],
    owns: ['pino', 'node-cron'],
  },
  contract: {
    folder: 'agent/contract',
    is: 'the MQTT contract as code: topics and message schemas',
    mayImport: ['base'],
    owns: ['zod'],
  },
  trust: {
    folder: 'agent/trust',
    is: 'who may order what: keyring, signatures, sealed secrets, replay rules',
    mayImport: ['base', 'contract'],
    owns: ['jose', 'zod'],
  },
  store: {
    folder: 'agent/store',
    is: 'the only durable memory: outbox, journal, configuration slots, register',
    mayImport: ['base', 'contract'],
    owns: ['node:sqlite'],
  },
  config: {
    folder: 'agent/config',
    is: 'box file and central configuration: schema, difference, apply, roll back',
    mayImport: ['base', 'contract', 'trust', 'store'],
    owns: ['zod'],
  },
  camera: {
    folder: 'agent/camera',
    is: 'the only room that speaks ONVIF and RTSP',
    mayImport: ['base'],
    owns: ['node-onvif-ts', 'xml2js', 'node:dgram'],
  },
  health: {
    folder: 'agent/health',
    is: 'is this camera, is this box doing its job, and whose fault is it',
    mayImport: ['base', 'contract', 'camera', 'store'],
    owns: ['systeminformation'],
  },
  video: {
    folder: 'agent/video',
    is: 'one pull per camera, many destinations',
    mayImport: ['base', 'contract', 'trust', 'camera', 'uplink'],
    owns: ['zod'],
  },
  alarms: {
    folder: 'agent/alarms',
    is: 'events of cameras and alarm panels to alarms with a life cycle',
    mayImport: ['base', 'contract', 'camera', 'store'],
    owns: ['node:dgram'],
  },
  uplink: {
    folder: 'agent/uplink',
    is: 'the only room that speaks MQTT',
    mayImport: ['base', 'contract', 'store'],
    owns: ['mqtt', 'mqtt-packet'],
  },
  commands: {
    folder: 'agent/commands',
    is: 'decides what an order means',
    mayImport: ['base', 'contract', 'trust', 'store'],
    owns: [],
  },
  viewing: {
    folder: 'agent/viewing',
    is: 'who may see which camera until when: views of operators, leases of partners',
    mayImport: ['base', 'contract', 'trust', 'store'],
    owns: [],
  },
  reports: {
    folder: 'agent/reports',
    is: 'how available cameras, segments and box were, and the report on it',
    mayImport: ['base', 'contract', 'store'],
    owns: [],
  },
  inventory: {
    folder: 'agent/inventory',
    is: 'what is configured against what is seen on the network',
    mayImport: ['base', 'contract', 'camera', 'store'],
    owns: [],
  },
  survey: {
    folder: 'agent/survey',
    is: 'what a site would need before it is connected: each camera looked at, reading only',
    mayImport: ['base', 'contract', 'camera', 'health'],
    owns: [],
  },
  cli: {
    folder: 'agent/cli',
    is: 'the commands of the box: status, alarms, report, inventory, survey and check',
    mayImport: [
      ...['base', 'contract', 'trust', 'store', 'config', 'camera', 'uplink', 'health', 'alarms', 'reports'],
      ...['inventory', 'survey'],
    ],
    owns: ['zod'],
  },
  provisioning: {
    folder: 'provisioning',
    is: "the technician's side at the CSU: enrolment, keys, signing, pushing; the receiver of the centre",
    mayImport: ['base', 'contract', 'trust', 'store', 'config', 'uplink', 'cli'],
    // The receiver's archive is the centre's, on another machine than any box: it shares nothing with the store.
    owns: ['@peculiar/x509', 'node:sqlite', 'reflect-metadata', 'zod'],
  },
};

/** Imports between rooms that are narrower than the table: only these files of the room may be imported from there. */
export const NARROW: readonly { from: string; to: string; only: readonly string[] }[] = [
  { from: 'video', to: 'uplink', only: ['agent/uplink/client.ts', 'agent/uplink/options.ts'] },
  { from: 'provisioning', to: 'uplink', only: ['agent/uplink/client.ts', 'agent/uplink/address.ts'] },
  { from: 'provisioning', to: 'store', only: ['agent/store/register-chain.ts'] },
  { from: 'cli', to: 'alarms', only: ['agent/alarms/read-points.ts', 'agent/alarms/flood/record.ts'] },
  {
    from: 'cli',
    to: 'reports',
    only: ['agent/reports/facts.ts', 'agent/reports/ports.ts', 'agent/reports/report.ts'],
  },
  {
    from: 'cli',
    to: 'inventory',
    only: ['agent/inventory/finding.ts', 'agent/inventory/memory.ts', 'agent/inventory/take.ts'],
  },
  {
    from: 'survey',
    to: 'health',
    only: ['agent/health/clock-zone.ts', 'agent/health/law/facts.ts', 'agent/health/law/judge.ts'],
  },
  { from: 'provisioning', to: 'cli', only: ['agent/cli/causes.ts', 'agent/cli/language.ts'] },
  {
    from: 'provisioning',
    to: 'config',
    only: [
      'agent/config/configuration.ts',
      'agent/config/box-file.ts',
      'agent/config/box-file-schema.ts',
      'agent/config/issues.ts',
      'agent/config/partners.ts',
      'agent/config/consent/bounds.ts',
      'agent/config/consent/place.ts',
    ],
  },
];

/** Files at the top of `agent/`: they wire the rooms and may import all of them. Nobody imports them but each other. */
export const ROOTS: readonly string[] = [
  'agent/main.ts',
  'agent/agent.ts',
  'agent/video-main.ts',
  'agent/video-plane.ts',
  'agent/cli.ts',
];

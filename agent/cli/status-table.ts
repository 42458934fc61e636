import type { Code } from '../base/codes.ts';
import type { StatusSnapshot } from '../contract/status.ts';
import { causeText } from './causes.ts';
import type { Language } from './language.ts';
import { localTime, paint, table } from './text-table.ts';

interface Options {
  readonly language: Language;
  readonly colour: boolean;
}

type Camera = StatusSnapshot['cameras'][number];
type Alarm = StatusSnapshot['alarms'][number];

/** Words of states, by language. */
export const WORDS = {
  fr: {
    box: 'Collecteur',
    link: 'lien',
    connected: 'établi',
    lost: 'rompu',
    confirmation: { receipt: 'avec reçus', broker: 'sans reçus' },
    backup: { inUse: 'PAR LE SECOURS', lost: 'secours rompu' },
    pending: (n: number) => `${n} événement${n > 1 ? 's' : ''} en attente`,
    config: 'configuration',
    none: 'aucune',
    video: 'vidéo',
    running: 'en marche',
    stopped: 'arrêtée',
    clock: 'horloge',
    memoryOnly: 'DISQUE INDISPONIBLE',
    refused: (n: number) => `${n} ordre${n > 1 ? 's refusés' : ' refusé'}`,
    camera: 'Caméra',
    state: 'État',
    fps: 'i/s',
    rate: 'kbit/s',
    sent: 'Transmis',
    format: 'Format',
    units: ['ko', 'Mo', 'Go'],
    alarm: 'Point',
    severityOf: 'Gravité',
    since: 'Depuis',
    times: 'Fois',
    noCamera: 'aucune caméra dans la configuration',
    channel: { view: 'Visualisation', lease: 'Bail' },
    channels: 'Canal ouvert',
    operator: 'Opérateur',
    recipient: 'Pour',
    until: "Jusqu'à",
    ok: 'en service',
    degraded: 'dégradée',
    down: 'en panne',
    unknown: 'inconnue',
    maintenance: 'en maintenance',
    disabled: 'désactivée',
    raised: 'ALARME',
    cleared: 'repos',
    known: 'acquittée',
    toAcknowledge: 'à acquitter',
    shelved: 'mise de côté',
    synced: 'synchronisée',
    holdover: 'maintien',
    untrusted: 'non fiable',
    side: {
      camera: 'côté caméra',
      'local-network': 'côté réseau local',
      box: 'côté collecteur',
      backbone: 'côté dorsale',
      centre: 'côté centre',
      partner: 'côté partenaire',
      unknown: 'côté inconnu',
    },
    phase: { none: '', received: 'reçue', applying: 'en cours', applied: 'appliquée', failed: 'REFUSÉE' },
    severity: { info: 'information', warning: 'mineure', major: 'majeure', critical: 'critique' },
  },
  en: {
    box: 'Box',
    link: 'link',
    connected: 'up',
    lost: 'down',
    confirmation: { receipt: 'with receipts', broker: 'without receipts' },
    backup: { inUse: 'BY THE BACK-UP', lost: 'back-up lost' },
    pending: (n: number) => `${n} event${n === 1 ? '' : 's'} waiting`,
    config: 'configuration',
    none: 'none',
    video: 'video',
    running: 'running',
    stopped: 'stopped',
    clock: 'clock',
    memoryOnly: 'DISK UNAVAILABLE',
    refused: (n: number) => `${n} order${n === 1 ? '' : 's'} refused`,
    camera: 'Camera',
    state: 'State',
    fps: 'fps',
    rate: 'kbit/s',
    sent: 'Forwarded',
    format: 'Format',
    units: ['kB', 'MB', 'GB'],
    alarm: 'Point',
    severityOf: 'Severity',
    since: 'Since',
    times: 'Times',
    noCamera: 'no camera in the configuration',
    channel: { view: 'view', lease: 'lease' },
    channels: 'Open channel',
    operator: 'Operator',
    recipient: 'For',
    until: 'Until',
    ok: 'ok',
    degraded: 'degraded',
    down: 'down',
    unknown: 'unknown',
    maintenance: 'maintenance',
    disabled: 'disabled',
    raised: 'ALARM',
    cleared: 'clear',
    known: 'acknowledged',
    toAcknowledge: 'to acknowledge',
    shelved: 'shelved',
    synced: 'synced',
    holdover: 'holdover',
    untrusted: 'untrusted',
    side: {
      camera: "the camera's side",
      'local-network': "the local network's side",
      box: "the box's side",
      backbone: "the backbone's side",
      centre: "the centre's side",
      partner: "the partner's side",
      unknown: 'side unknown',
    },
    phase: { none: '', received: 'received', applying: 'applying', applied: 'applied', failed: 'FAILED' },
    severity: { info: 'info', warning: 'warning', major: 'major', critical: 'critical' },
  },
} as const;

const BELOW = '  └';

/** The snapshot as lines of text for a technician: the box, its cameras, who may see them now, its alarm points. */
export function statusTable(snapshot: StatusSnapshot, options: Options): string {
  const cameras =
    snapshot.cameras.length === 0 ? [WORDS[options.language].noCamera] : cameraLines(snapshot, options);
  const alarms = snapshot.alarms.length === 0 ? [] : ['', ...alarmLines(snapshot, options)];
  const channels = snapshot.channels.length === 0 ? [] : ['', ...channelLines(snapshot, options)];
  return [...boxLines(snapshot, options), '', ...cameras, ...channels, ...alarms].join('\n');
}

/** By which path, on what events leave, and whether the other path is lost. */
function pathWords(link: StatusSnapshot['link'], options: Options): string[] {
  const { confirmation, backup } = WORDS[options.language];
  return [
    ...(link.path === 'backup' ? [paint('degraded', backup.inUse, options)] : []),
    confirmation[link.confirmation],
    ...(link.backup === 'lost' ? [paint('degraded', `(${backup.lost})`, options)] : []),
  ];
}

function boxLines(snapshot: StatusSnapshot, options: Options): string[] {
  const w = WORDS[options.language];
  const { link, config } = snapshot;
  const linkText = paint(link.connected ? 'ok' : 'down', link.connected ? w.connected : w.lost, options);
  const version = config.appliedVersion === 0 ? w.none : `v${config.appliedVersion}`;
  const video = snapshot.video.running && snapshot.video.brokerConnected ? w.running : w.stopped;
  const first = [
    `${w.box} ${snapshot.site}`,
    snapshot.software,
    [`${w.link} ${linkText}`, ...pathWords(link, options)].join(' '),
    `${w.config} ${version} ${w.phase[config.phase]}`.trim(),
  ];
  const second = [
    `${w.video} ${video}`,
    `${w.clock} ${w[snapshot.clock]}`,
    w.pending(link.outboxPending),
    w.refused(snapshot.ordersRefused),
  ];
  return [
    first.join(' · '),
    second.join(' · '),
    ...(snapshot.storageDurable ? [] : [paint('down', w.memoryOnly, options)]),
    ...(link.connected || link.cause === 'none' ? [] : [below(link.cause, link.detail, options)]),
    ...(config.detail ? [`${BELOW} ${config.detail}`] : []),
  ];
}

function cameraLines(snapshot: StatusSnapshot, options: Options): string[] {
  const w = WORDS[options.language];
  const head = [w.camera, w.state, w.fps, w.rate, w.sent, w.format];
  const [first = '', ...rows] = table(
    [head, ...snapshot.cameras.map((camera) => cameraRow(camera, options))],
    [2, 3, 4],
  );
  const causes = snapshot.cameras.map((camera) =>
    camera.cause === 'none'
      ? []
      : [`${below(camera.cause, camera.detail, options)}${whoseSide(camera, options)}`],
  );
  return [first, ...rows.flatMap((row, index) => [row, ...(causes[index] ?? [])])];
}

function cameraRow(camera: Camera, options: Options): string[] {
  const format = camera.width > 0 ? `${camera.codec} ${camera.width}x${camera.height}` : camera.codec;
  return [
    camera.name,
    paint(camera.state, WORDS[options.language][camera.state], options),
    decimal(camera.fps, 1, options),
    decimal(camera.kbps, 0, options),
    bytes(camera.forwardedBytes, options),
    format,
  ];
}

/** Whose side the fault is on, and the segment whose fault explains it. */
function whoseSide({ side, consequenceOf }: Camera, options: Options): string {
  if (side === 'none') return '';
  const w = WORDS[options.language];
  return ` [${w.side[side]}${consequenceOf === undefined ? '' : ` ${consequenceOf}`}]`;
}

/** A cause stands on a line of its own below what it is the cause of: a column of its length fits no terminal. */
function below(code: Code, detail: string, options: Options): string {
  return `${BELOW} ${code}${options.language === 'fr' ? ' :' : ':'} ${describeCause(code, detail, options)}`;
}

/** The detail is for developers, in English; a French reader gets the meaning of the code instead. */
function describeCause(code: Code, detail: string, options: Options): string {
  return options.language === 'fr' || detail === '' ? causeText(code, options.language).means : detail;
}

function alarmLines(snapshot: StatusSnapshot, options: Options): string[] {
  const w = WORDS[options.language];
  const row = (alarm: Alarm) => [
    alarm.name,
    paint(alarm.state, [w[alarm.state], ...remarks(alarm, options)].join(', '), options),
    w.severity[alarm.severity],
    alarm.since === 0 ? '' : localTime(alarm.since),
    String(alarm.occurrences),
  ];
  return table([[w.alarm, w.state, w.severityOf, w.since, w.times], ...snapshot.alarms.map(row)], [4]);
}

/** What an operator still has to do about it, or has done. */
function remarks({ alarmState, shelved }: Alarm, { language }: Options): string[] {
  const w = WORDS[language];
  return [
    ...(alarmState === 'acknowledged' ? [w.known] : []),
    ...(alarmState === 'cleared' ? [w.toAcknowledge] : []),
    ...(shelved ? [w.shelved] : []),
  ];
}

function channelLines({ channels }: StatusSnapshot, options: Options): string[] {
  const w = WORDS[options.language];
  const row = ({
    kind,
    camera,
    operator,
    recipient,
    until,
    bytes: sent,
  }: StatusSnapshot['channels'][number]) => [
    w.channel[kind],
    camera,
    operator,
    recipient.toUpperCase(),
    localTime(until),
    bytes(sent, options),
  ];
  return table([[w.channels, w.camera, w.operator, w.recipient, w.until, w.sent], ...channels.map(row)], [5]);
}

function bytes(count: number, options: Options): string {
  const [kilo, mega, giga] = WORDS[options.language].units;
  if (count < 1e6) return `${decimal(count / 1e3, 0, options)} ${kilo}`;
  return count < 1e9
    ? `${decimal(count / 1e6, 1, options)} ${mega}`
    : `${decimal(count / 1e9, 2, options)} ${giga}`;
}

function decimal(value: number, digits: number, { language }: Options): string {
  const text = value.toFixed(digits);
  return language === 'fr' ? text.replace('.', ',') : text;
}

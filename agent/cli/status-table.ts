import { stripVTControlCharacters } from 'node:util';
import type { Code } from '../base/codes.ts';
import type { StatusSnapshot } from '../contract/status.ts';
import { causeText } from './causes.ts';
import type { Language } from './language.ts';

interface Options {
  readonly language: Language;
  readonly colour: boolean;
}

type Camera = StatusSnapshot['cameras'][number];
type Alarm = StatusSnapshot['alarms'][number];

const WORDS = {
  fr: {
    box: 'Collecteur',
    link: 'lien',
    connected: 'établi',
    lost: 'rompu',
    pending: 'en attente',
    confirmation: { receipt: 'de reçu du CSU', broker: 'du courtier' },
    config: 'configuration',
    none: 'aucune',
    video: 'vidéo',
    running: 'en marche',
    stopped: 'arrêtée',
    clock: 'horloge',
    memoryOnly: 'DISQUE INDISPONIBLE',
    refused: 'ordres refusés',
    camera: 'Caméra',
    state: 'État',
    cause: 'Cause',
    fps: 'i/s',
    rate: 'kbit/s',
    sent: 'Transmis',
    format: 'Format',
    alarm: 'Point',
    since: 'Depuis',
    times: 'Fois',
    noCamera: 'aucune caméra dans la configuration',
    ok: 'en service',
    degraded: 'dégradée',
    down: 'en panne',
    unknown: 'inconnue',
    raised: 'ALARME',
    cleared: 'repos',
    synced: 'synchronisée',
    holdover: 'maintien',
    untrusted: 'non fiable',
    phase: { none: '', received: 'reçue', applying: 'en cours', applied: 'appliquée', failed: 'REFUSÉE' },
    severity: { info: 'information', warning: 'mineure', major: 'majeure', critical: 'critique' },
  },
  en: {
    box: 'Box',
    link: 'link',
    connected: 'up',
    lost: 'down',
    pending: 'waiting',
    confirmation: { receipt: "for the CSU's receipt", broker: 'for the broker' },
    config: 'configuration',
    none: 'none',
    video: 'video',
    running: 'running',
    stopped: 'stopped',
    clock: 'clock',
    memoryOnly: 'DISK UNAVAILABLE',
    refused: 'orders refused',
    camera: 'Camera',
    state: 'State',
    cause: 'Cause',
    fps: 'fps',
    rate: 'kbit/s',
    sent: 'Forwarded',
    format: 'Format',
    alarm: 'Point',
    since: 'Since',
    times: 'Times',
    noCamera: 'no camera in the configuration',
    ok: 'ok',
    degraded: 'degraded',
    down: 'down',
    unknown: 'unknown',
    raised: 'ALARM',
    cleared: 'clear',
    synced: 'synced',
    holdover: 'holdover',
    untrusted: 'untrusted',
    phase: { none: '', received: 'received', applying: 'applying', applied: 'applied', failed: 'FAILED' },
    severity: { info: 'info', warning: 'warning', major: 'major', critical: 'critical' },
  },
} as const;

const COLOURS: Record<string, number> = {
  ok: 32,
  degraded: 33,
  down: 31,
  unknown: 90,
  raised: 31,
  cleared: 32,
};

/** The snapshot as lines of text for a technician: the box, its cameras, its alarm points. */
export function statusTable(snapshot: StatusSnapshot, options: Options): string {
  const cameras =
    snapshot.cameras.length === 0 ? [WORDS[options.language].noCamera] : cameraLines(snapshot, options);
  const alarms = snapshot.alarms.length === 0 ? [] : ['', ...alarmLines(snapshot, options)];
  return [...boxLines(snapshot, options), '', ...cameras, ...alarms].join('\n');
}

function boxLines(snapshot: StatusSnapshot, options: Options): string[] {
  const w = WORDS[options.language];
  const { link, config } = snapshot;
  const linkText = paint(link.connected ? 'ok' : 'down', link.connected ? w.connected : w.lost, options);
  const why =
    link.connected || link.cause === 'none' ? '' : ` (${causeText(link.cause, options.language).means})`;
  const version = config.appliedVersion === 0 ? w.none : `v${config.appliedVersion}`;
  const video = snapshot.video.running && snapshot.video.brokerConnected ? w.running : w.stopped;
  const parts = [
    `${w.link} ${linkText}${why}`,
    `${w.config} ${version} ${w.phase[config.phase]}`.trim(),
    `${w.video} ${video}`,
    `${w.clock} ${w[snapshot.clock]}`,
    `${link.outboxPending} ${w.pending} ${w.confirmation[link.confirmation]}`,
    `${snapshot.ordersRefused} ${w.refused}`,
  ];
  const first = `${w.box} ${snapshot.site} · ${snapshot.software} · ${parts.join(' · ')}`;
  return [
    first,
    ...(snapshot.storageDurable ? [] : [paint('down', w.memoryOnly, options)]),
    ...(config.detail ? [config.detail] : []),
  ];
}

function cameraLines(snapshot: StatusSnapshot, options: Options): string[] {
  const w = WORDS[options.language];
  const head = [w.camera, w.state, w.fps, w.rate, w.sent, w.format, w.cause];
  return table([head, ...snapshot.cameras.map((camera) => cameraRow(camera, options))], [2, 3, 4]);
}

function cameraRow(camera: Camera, options: Options): string[] {
  const cause =
    camera.cause === 'none' ? '' : `${camera.cause}: ${describeCause(camera.cause, camera.detail, options)}`;
  const format = camera.width > 0 ? `${camera.codec} ${camera.width}x${camera.height}` : camera.codec;
  return [
    camera.name,
    paint(camera.state, WORDS[options.language][camera.state], options),
    camera.fps.toFixed(1),
    camera.kbps.toFixed(0),
    bytes(camera.forwardedBytes),
    format,
    cause,
  ];
}

/** The detail is for developers, in English; a French reader gets the meaning of the code instead. */
function describeCause(code: Code, detail: string, options: Options): string {
  return options.language === 'fr' || detail === '' ? causeText(code, options.language).means : detail;
}

function alarmLines(snapshot: StatusSnapshot, options: Options): string[] {
  const w = WORDS[options.language];
  const row = (alarm: Alarm) => [
    alarm.name,
    paint(alarm.state, w[alarm.state], options),
    w.severity[alarm.severity],
    alarm.since === 0 ? '' : new Date(alarm.since).toISOString().slice(11, 19),
    String(alarm.occurrences),
  ];
  return table([[w.alarm, w.state, '', w.since, w.times], ...snapshot.alarms.map(row)], [4]);
}

function bytes(count: number): string {
  if (count < 1e6) return `${(count / 1e3).toFixed(0)} kB`;
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(2)} GB`;
}

function paint(state: string, text: string, options: Options): string {
  return options.colour ? `\u001b[${COLOURS[state] ?? 0}m${text}\u001b[0m` : text;
}

function table(rows: readonly string[][], rightAligned: readonly number[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ''))));
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const space = ' '.repeat((widths[column] ?? 0) - width(cell));
        return rightAligned.includes(column) ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd(),
  );
}

function width(cell: string): number {
  return [...stripVTControlCharacters(cell)].length;
}

import type { Report, ReportLine } from '../reports/report.ts';
import { placeOf } from './report-markdown.ts';
import { decimal, momentText, SIDE_ORDER, SIDES } from './report-words.ts';
import { printable } from './text-table.ts';

type Cell = string | number | undefined;

/** The tables of the report, one file each, by the end of the file's name. */
export function reportTables(report: Report): Record<string, string> {
  return {
    disponibilite: csv(AVAILABILITY, report.lines.map(availabilityRow)),
    incidents: csv(INCIDENTS, report.lines.flatMap(incidentRows)),
    jours: csv(DAYS, report.days.map(dayRow)),
    travaux: csv(WORKS, report.planned.map(workRow)),
    lieux: csv(PLACES, report.places.map(placeRow)),
  };
}

const AVAILABILITY = [
  ...['element', 'type', 'nom', 'disponibilite_prouvee_pct', 'disponibilite_constatee_pct'],
  ...['compte_s', 'en_service_s', 'degrade_s', 'indisponible_s', 'inconnu_s', 'travaux_s', 'desactive_s'],
  ...SIDE_ORDER.map((side) => `indisponible_${side.replace('-', '_')}_s`),
  ...['incidents', 'incidents_suite_reseau', 'detection_moyenne_s', 'reparation_moyenne_s'],
  ...['ecart_horloge_max_ms', 'manquements', 'manquements_s'],
];

function availabilityRow(line: ReportLine): Cell[] {
  const { subject, kind, facts, incidents, downMsBySide } = line;
  const times = [line.countedMs, line.availableMs, line.degradedMs, line.downMs, line.unknownMs];
  return [
    ...[subject, KIND[kind], facts.name, percent(line.provenPercent), percent(line.knownPercent)],
    ...[...times, line.plannedMs, line.disabledMs].map(seconds),
    ...SIDE_ORDER.map((side) => seconds(downMsBySide.get(side) ?? 0)),
    ...[incidents.length, incidents.filter(({ via }) => via !== '').length],
    ...[seconds(line.detectMs), seconds(line.repairMs)],
    ...[line.clockOffMs, line.breaches, seconds(line.breachMs)],
  ];
}

const KIND = { camera: 'caméra', segment: 'réseau', box: 'collecteur' };

const INCIDENTS = [
  'element',
  'nom',
  'debut',
  'fin',
  'duree_s',
  'cause',
  'responsable',
  'suite_de',
  'detection_s',
  'travaux_s',
  'reparation_s',
];

function incidentRows({ subject, facts, incidents }: ReportLine): Cell[][] {
  return incidents.map(({ fromMs, untilMs, open, cause, side, via, noticedMs, plannedMs, repairMs }) => [
    ...[subject, facts.name, momentText(fromMs), open ? '' : momentText(untilMs)],
    ...[open ? undefined : seconds(untilMs - fromMs), cause, SIDES[side] ?? side, via],
    ...[noticedMs < 0 ? undefined : seconds(noticedMs), seconds(plannedMs), seconds(repairMs)],
  ]);
}

const DAYS = ['jour', 'inscrites', 'raccordees', 'empreinte_sha256', 'cameras'];

function dayRow({ day, configured, connected, hash, cameras }: Report['days'][number]): Cell[] {
  return [day, configured, connected, hash, cameras.join(' ')];
}

const WORKS = ['fenetre', 'element', 'debut', 'fin', 'motif', 'annonces_par'];

function workRow({ id, subject, fromMs, untilMs, why, by }: Report['planned'][number]): Cell[] {
  return [id, subject, momentText(fromMs), momentText(untilMs), why, by];
}

const PLACES = ['lieu', 'camera', 'nom', 'proprietaire', 'autorisation', 'autorisation_fin'];

function placeRow(camera: Report['places'][number]): Cell[] {
  const { id, name, owner, authorisation } = camera;
  return [placeOf(camera), id, name, owner, authorisation?.reference, authorisation?.until];
}

/** As a French spreadsheet opens it: semicolons, decimal commas, a byte order mark. @see RFC 4180 for the rest */
function csv(heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [heads, ...rows].map((row) => row.map(cellText).join(';'));
  return `\uFEFF${lines.join('\r\n')}\r\n`;
}

function cellText(value: Cell): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return decimal(value, Number.isInteger(value) ? 0 : 2);
  // A spreadsheet takes what begins so for a formula. @see OWASP, CSV injection
  const plain = printable(value).replace(/^\s*[=+\-@＝＋－＠]/, "'$&");
  return /[";]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

function percent(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.floor(value * 100) / 100;
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms / 100) / 10;
}

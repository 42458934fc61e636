import type { Facts, Targets } from '../reports/ports.ts';
import type { Report, ReportLine } from '../reports/report.ts';
import {
  causeWords,
  dayText,
  decimal,
  durationText,
  momentText,
  NOTHING,
  OWNERS,
  percentText,
  SIDE_ORDER,
  SIDES,
} from './report-words.ts';
import { printable } from './text-table.ts';

/** Rows of a table that are told one by one; the CSV holds all. Source: guess. */
const ROWS_MAX = 200;

/** The report as a page for the commune and the centre. */
export function reportMarkdown(report: Report): string {
  const parts = [
    heading(report),
    summary(report),
    availability(report, 'camera', 'Caméras'),
    availability(report, 'segment', 'Réseau de la commune'),
    availability(report, 'box', 'Collecteur et liaison avec le centre'),
    sides(report),
    incidents(report),
    works(report),
    connected(report),
    places(report),
    reading(),
  ];
  return `${parts.flat().join('\n')}\n`;
}

function heading({ site, period, complete, stretch, knownMs, lines }: Report): string[] {
  const { from, to } = period;
  return [
    `# Rapport de disponibilité, collecteur ${site}`,
    '',
    `Du ${dayText(from)} au ${dayText(to)} inclus, heure de Paris (${momentText(stretch.fromMs)} à ${momentText(stretch.untilMs)}).`,
    ...(complete ? [] : ['', '**Période en cours : chiffres provisoires.**']),
    ...(lines.length === 0 ? ['', "**Rien n'est connu de cette période sur ce collecteur.**"] : []),
    ...(lines.length > 0 && knownMs < stretch.untilMs
      ? ['', `Rien n'est connu après le ${momentText(knownMs)} : ce temps compte comme inconnu.`]
      : []),
    '',
  ];
}

function summary({ lines, targets, days }: Report): string[] {
  const cameras = lines.filter(({ kind }) => kind === 'camera');
  const sum = (of: (line: ReportLine) => number) => cameras.reduce((total, line) => total + of(line), 0);
  const countedMs = sum((line) => line.countedMs);
  const proven = countedMs > 0 ? (100 * sum((line) => line.availableMs)) / countedMs : undefined;
  const most = Math.max(0, ...days.map((day) => day.connected));
  return [
    '## Synthèse',
    '',
    ...table(
      ['Mesure', 'Valeur', 'Objectif convenu'],
      [
        ['Caméras suivies', String(cameras.length), NOTHING],
        ['Caméras raccordées, au plus en un jour', String(most), NOTHING],
        [
          'Disponibilité prouvée, toutes caméras',
          percentText(proven),
          targetPercent(targets.cameraAvailabilityPercent),
        ],
        [
          "Caméras sous l'objectif de disponibilité",
          String(cameras.filter((line) => isBelow(line, targets)).length),
          targets.cameraAvailabilityPercent === undefined ? NOTHING : '0',
        ],
        ['Temps inconnu, toutes caméras', durationText(sum((line) => line.unknownMs)), NOTHING],
        ['Incidents de caméras', String(sum((line) => line.incidents.length)), NOTHING],
        ['Temps moyen de détection', durationText(mean(cameras, 'detectMs')), targetS(targets.detectS)],
        ['Temps moyen de réparation', durationText(mean(cameras, 'repairMs')), targetH(targets.repairH)],
        ["Plus grand écart d'horloge", offset(worst(cameras)), targetOffset(targets.clockOffsetMs)],
        ['Manquements au profil légal', String(sum((line) => line.breaches)), '0'],
      ],
    ),
  ];
}

/** The mean over incidents, not over cameras: a camera with many counts as many. */
function mean(lines: readonly ReportLine[], of: 'detectMs' | 'repairMs'): number | undefined {
  const values = lines.flatMap(({ incidents }) =>
    incidents.flatMap(({ noticedMs, repairMs }) => {
      if (of === 'detectMs') return noticedMs >= 0 ? [noticedMs] : [];
      return repairMs ?? [];
    }),
  );
  return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
}

function worst(lines: readonly ReportLine[]): number | undefined {
  const known = lines.flatMap(({ clockOffMs }) => (clockOffMs === undefined ? [] : [clockOffMs]));
  return known.length > 0 ? Math.max(...known) : undefined;
}

function isBelow({ provenPercent }: ReportLine, { cameraAvailabilityPercent: target }: Targets): boolean {
  return provenPercent !== undefined && target !== undefined && provenPercent < target;
}

const COLUMNS = [
  'Prouvée',
  'Objectif',
  'Constatée',
  'Indisponible',
  'dont dégradé',
  'Inconnu',
  'Travaux annoncés',
  'Désactivée',
  'Incidents',
  'dont réseau',
  'Détection',
  'Réparation',
];

function availability({ lines, targets }: Report, kind: ReportLine['kind'], title: string): string[] {
  const own = lines.filter((line) => line.kind === kind);
  if (own.length === 0) return [];
  const target = kind === 'box' ? targets.boxAvailabilityPercent : targets.cameraAvailabilityPercent;
  const asked = kind === 'segment' ? NOTHING : targetPercent(target);
  const more = kind === 'camera' ? ["Écart d'horloge max.", 'Manquements', 'Durée des manquements'] : [];
  const rows = own.map((line) => [
    `${cell(line.facts.name)} (${line.subject})`,
    ...availabilityCells(line, asked),
    ...(kind === 'camera'
      ? [offset(line.clockOffMs), String(line.breaches), durationText(line.breachMs)]
      : []),
  ]);
  return [`## ${title}`, '', ...table([title, ...COLUMNS, ...more], rows)];
}

function availabilityCells(line: ReportLine, asked: string): string[] {
  return [
    percentText(line.provenPercent),
    asked,
    percentText(line.knownPercent),
    durationText(line.downMs),
    durationText(line.degradedMs),
    durationText(line.unknownMs),
    durationText(line.plannedMs),
    durationText(line.disabledMs),
    String(line.incidents.length),
    String(line.incidents.filter(({ via }) => via !== '').length),
    durationText(line.detectMs),
    durationText(line.repairMs),
  ];
}

function sides({ lines }: Report): string[] {
  const faulty = lines.filter(({ downMsBySide }) => downMsBySide.size > 0);
  if (faulty.length === 0) return [];
  const rows = faulty.map(({ facts, subject, downMsBySide }) => [
    `${cell(facts.name)} (${subject})`,
    ...SIDE_ORDER.map((side) => durationText(downMsBySide.get(side))),
  ]);
  const heads = SIDE_ORDER.map((side) => SIDES[side] ?? side);
  return ['## Indisponibilité par responsable', '', ...table(['Élément', ...heads], rows)];
}

function incidents({ lines }: Report): string[] {
  const all = lines.flatMap((line) => line.incidents.map((incident) => ({ line, incident })));
  const sorted = all.sort((a, b) => a.incident.fromMs - b.incident.fromMs);
  const rows = sorted.map(({ line, incident }) => [
    momentText(incident.fromMs),
    incident.open ? 'dure' : durationText(incident.untilMs - incident.fromMs),
    incident.plannedMs > 0 ? durationText(incident.plannedMs) : '',
    `${cell(line.facts.name)} (${line.subject})`,
    causeWords(incident.cause),
    SIDES[incident.side] ?? incident.side,
    incident.via === '' ? '' : `suite de ${incident.via}`,
  ]);
  const heads = ['Début', 'Durée', 'dont travaux annoncés', 'Élément', 'Cause', 'Responsable', ''];
  return ['## Incidents', '', ...(rows.length === 0 ? ['Aucun.', ''] : table(heads, rows))];
}

function works({ planned, lines }: Report): string[] {
  if (planned.length === 0) return [];
  const names = new Map(lines.map(({ subject, facts }) => [subject, facts.name]));
  const rows = [...Map.groupBy(planned, ({ id }) => id).values()].flatMap((spans) => {
    const [first] = spans;
    if (!first) return [];
    const { fromMs, untilMs, by, why } = first;
    const subjects = spans.map(({ subject }) => cell(names.get(subject) ?? subject)).join(', ');
    return [[momentText(fromMs), momentText(untilMs), subjects, cell(why), cell(by)]];
  });
  return [
    '## Travaux annoncés',
    '',
    'Ce temps ne compte pas dans les disponibilités.',
    '',
    ...table(['Début', 'Fin', 'Éléments', 'Motif', 'Annoncés par'], rows),
  ];
}

function connected({ days }: Report): string[] {
  const rows = days.map(({ day, configured, connected: seen, hash }) => [
    dayText(day),
    String(configured),
    String(seen),
    `\`${hash.slice(0, 16)}\``,
  ]);
  return [
    '## Caméras raccordées, jour par jour',
    '',
    "Raccordée : inscrite à la configuration signée et vue en service au moins une minute ce jour-là. L'empreinte est le",
    'début du SHA-256 de la liste triée de leurs identifiants, un par ligne ; la liste est dans le fichier CSV des jours.',
    '',
    ...table(['Jour', 'Inscrites', 'Raccordées', 'Empreinte'], rows),
  ];
}

function places({ places: cameras }: Report): string[] {
  const sorted = [...cameras].sort((a, b) => placeOf(a).localeCompare(placeOf(b), 'fr'));
  const rows = sorted.map((camera) => [
    cell(placeOf(camera)),
    `${cell(camera.name)} (${camera.id})`,
    OWNERS[camera.owner ?? ''] ?? '',
    cell(camera.authorisation?.reference ?? NOTHING),
    camera.authorisation ? dayText(camera.authorisation.until) : NOTHING,
  ]);
  if (rows.length === 0) return [];
  return [
    '## Lieux placés sous vidéoprotection',
    '',
    "D'après la configuration en vigueur sur ce collecteur.",
    '',
    ...table(['Lieu', 'Caméra', 'Propriétaire', 'Autorisation', "Jusqu'au"], rows),
  ];
}

/** What no configuration says is named after the camera. */
export function placeOf({ place, name }: Facts): string {
  return place ?? name;
}

function reading(): string[] {
  return [
    '## Comment lire ces chiffres',
    '',
    "- **Prouvée** : temps en service sur le temps qui compte. Le temps inconnu (collecteur arrêté, horloge fausse) n'est",
    "  pas prouvé. C'est ce chiffre qui se compare à l'objectif.",
    '- **Constatée** : temps en service sur le temps connu.',
    '- Une caméra dégradée est en service : elle donne des images, avec un défaut.',
    "- Les travaux annoncés à l'avance et le temps où la caméra est désactivée ne comptent pas.",
    '- **Détection** : du début du défaut à son constat ; **réparation** : du début du défaut au retour en service, travaux',
    '  annoncés déduits.',
    "- Un incident « réseau » est la suite de la panne d'un élément partagé : il n'est pas imputé à la caméra.",
    "- L'écart d'horloge est le moindre écart certain, incertitude de mesure déduite.",
  ];
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const more = rows.length - ROWS_MAX;
  return [
    line(heads),
    line(heads.map(() => '---')),
    ...rows.slice(0, ROWS_MAX).map(line),
    ...(more > 0 ? ['', `… et ${more} autres lignes, dans les fichiers CSV.`] : []),
    '',
  ];
}

function targetPercent(target: number | undefined): string {
  return target === undefined ? NOTHING : `≥ ${decimal(target, 2)} %`;
}

function targetS(target: number | undefined): string {
  return target === undefined ? NOTHING : `≤ ${durationText(target * 1000)}`;
}

function targetH(target: number | undefined): string {
  return target === undefined ? NOTHING : `≤ ${durationText(target * 3_600_000)}`;
}

function targetOffset(target: number | undefined): string {
  return target === undefined ? NOTHING : `≤ ${offset(target)}`;
}

/** In ms as long as they say something. */
function offset(ms: number | undefined): string {
  if (ms === undefined) return NOTHING;
  return ms < 10_000 ? `${Math.round(ms)} ms` : durationText(ms);
}

/** Text of people and devices, which neither ends a cell nor begins a tag or a link, not even one of itself. */
export function cell(text: string): string {
  return printable(text).replaceAll(/[\\|<>[\]`*_~&@]|:(?=\/\/)|(?<=www)\./gi, '\\$&');
}

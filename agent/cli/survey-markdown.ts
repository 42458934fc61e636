import { SOFTWARE } from '../base/software.ts';
import { type Remark, VERDICTS } from '../survey/judge.ts';
import type { Survey, SurveyedCamera } from '../survey/survey.ts';
import { cell } from './report-markdown.ts';
import { decimal, momentText, NOTHING } from './report-words.ts';
import { REMARK_WORDS, ROLE_WORDS, SUBJECT_WORDS, VERDICT_WORDS, WEIGHT_WORDS } from './survey-words.ts';

/** Details of devices are cut at so many characters. */
const DETAIL_CHARS = 240;

/** The feasibility study, in French. */
export function surveyMarkdown(survey: Survey): string {
  return [
    '# Étude de faisabilité du raccordement',
    '',
    `${momentText(survey.atMs)} · Beffroi ${SOFTWARE} · lecture seule, rien n'a été modifié sur les caméras.`,
    '',
    ...summary(survey),
    ...bandwidth(survey),
    ...survey.cameras.flatMap(details),
    ...limits(survey),
  ].join('\n');
}

function summary({ cameras }: Survey): string[] {
  const counts = VERDICTS.map((verdict) => {
    const count = cameras.filter((camera) => camera.verdict === verdict).length;
    return `${count} ${VERDICT_WORDS[verdict]}`;
  });
  const rows = cameras.map((camera) => [
    cell(camera.host),
    cell(modelOf(camera)) || NOTHING,
    `**${VERDICT_WORDS[camera.verdict]}**`,
    streamText(camera),
    String(camera.remarks.filter(isToDo).length),
  ]);
  return [
    '## Résumé',
    '',
    `${cameras.length} caméra(s) : ${counts.join(', ')}.`,
    '',
    ...table(['Adresse', 'Modèle', 'Verdict', 'Flux mesuré', 'À faire'], rows),
  ];
}

function bandwidth({ bandwidth: { cameras, unknown, nowKbps, plannedKbps } }: Survey): string[] {
  const rows = [
    ["Mesuré pendant l'étude", megabits(nowKbps)],
    ['**À prévoir** (chaque caméra à sa limite)', `**${megabits(plannedKbps)}**`],
  ];
  const without = unknown > 0 ? ` ${unknown} caméra(s) dont le flux n'a pas été mesuré n'y sont pas.` : '';
  return [
    '## Débit à prévoir sur la dorsale',
    '',
    ...table([`${cameras} caméra(s), flux principal, vers une destination`, 'Débit'], rows),
    `En-têtes IP, TCP, TLS et MQTT compris. Une caméra compte pour la limite qu'elle déclare, ou pour le double du mesuré.${without}`,
    '',
  ];
}

function details(camera: SurveyedCamera): string[] {
  const { host, verdict, identity, device, line } = camera;
  const facts = [
    ['Numéro de série', identity?.serial],
    ['Micrologiciel', identity?.firmware],
    ['MAC', device?.mac],
    ['Nom', device?.name],
    ['Débit à prévoir', line && megabits(line.planned)],
  ].flatMap(([name, value]) => (value ? [`${name} : ${cell(value)}`] : []));
  const todo = camera.remarks.filter(isToDo).map((remark) => `1. ${REMARK_WORDS[remark.word].todo}`);
  const rows = camera.remarks.map((remark) => [
    SUBJECT_WORDS[remark.about],
    WEIGHT_WORDS[remark.weight],
    saysOf(remark, camera),
  ]);
  return [
    `## ${cell(host)}${modelOf(camera) === '' ? '' : ` – ${cell(modelOf(camera))}`}`,
    '',
    `Verdict : **${VERDICT_WORDS[verdict]}**${facts.length > 0 ? ` · ${facts.join(' · ')}` : ''}`,
    '',
    ...table(['Objet', 'Avis', 'Constat'], rows),
    ...(todo.length > 0 ? ['À faire :', '', ...todo, ''] : []),
  ];
}

function limits({ incomplete }: Survey): string[] {
  return [
    '## Limites',
    '',
    "- Le flux est mesuré quelques secondes, à l'heure de l'étude : la nuit et le mouvement changent la cadence et le débit.",
    "- L'écart d'horloge est celui de la caméra avec cette machine, dont l'heure doit être juste.",
    "- Un profil ONVIF annoncé n'est pas un profil certifié.",
    ...(incomplete ? ["- **La découverte a atteint ses bornes : la liste n'est pas complète.**"] : []),
    '',
  ];
}

function saysOf({ word, detail }: Remark, camera: SurveyedCamera): string {
  if (word === 'stream-good') return measured(camera);
  const plain = /^-?\d+\.\d+$/.test(detail) ? detail.replace('.', ',') : detail;
  const shown = word.startsWith('law-')
    ? camera.roles.map((role) => ROLE_WORDS[role]).join(' ; ')
    : cell(plain.slice(0, DETAIL_CHARS));
  return REMARK_WORDS[word].says.replace('%', () => shown).replace(' ()', '');
}

function measured({ stream }: SurveyedCamera): string {
  if (!stream) return NOTHING;
  const { codec, width, height, fps, kbps, gopFrames, lostPercent, jitterMs, seconds } = stream;
  const gop = gopFrames > 0 ? `, image clé toutes les ${gopFrames} images` : '';
  const size = `${codec.toUpperCase()} ${width} × ${height}, ${decimal(fps, 1)} images/s, ${Math.round(kbps)} kbit/s`;
  return `${size}${gop}, ${decimal(lostPercent, 2)} % de pertes, gigue ${decimal(jitterMs, 1)} ms, sur ${decimal(seconds, 1)} s.`;
}

function streamText({ stream }: SurveyedCamera): string {
  if (!stream || stream.fps === 0) return NOTHING;
  const { codec, width, height, fps, kbps } = stream;
  return `${codec.toUpperCase()} ${width} × ${height}, ${decimal(fps, 1)} i/s, ${Math.round(kbps)} kbit/s`;
}

function modelOf({ identity, device }: SurveyedCamera): string {
  const named = [identity?.manufacturer, identity?.model].filter(Boolean).join(' ');
  return named === '' ? (device?.hardware ?? '') : named;
}

function isToDo({ word, weight }: Remark): boolean {
  return REMARK_WORDS[word].todo !== undefined && weight !== 'good';
}

function megabits(kbps: number): string {
  return `${decimal(kbps / 1000, 1)} Mbit/s`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line), ''];
}

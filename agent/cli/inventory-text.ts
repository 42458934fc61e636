import { countOf, type Finding, type Inventory } from '../inventory/finding.ts';
import type { Language } from './language.ts';
import { localTime, printable, table } from './text-table.ts';

const WORDS = {
  fr: {
    head: (when: string, from: string) => `Inventaire du ${when}, demandé depuis ${from}`,
    nowhere: 'aucune interface',
    heads: ['Écart', 'Caméra', 'Configurée à', 'Vue à', 'Matériel', 'MAC', 'Remarque'],
    kinds: { missing: 'absente', moved: 'déplacée', swapped: 'échangée', unknown: 'inconnu' },
    inPlace: (n: number, of: number) => `caméras à leur place : ${n} sur ${of}`,
    counts: (missing: number, moved: number, swapped: number, unknown: number) =>
      `${missing} absente(s), ${moved} déplacée(s), ${swapped} échangée(s), ${unknown} appareil(s) inconnu(s)`,
    none: 'Aucun écart.',
    partial:
      "Tout n'a pas pu être vu : aucune interface dans ces réseaux, ou trop de réponses. Les appareils inconnus ne sont pas tous connus.",
    ignored: (n: number) => `${n} réponse(s) ignorées : venues d'ailleurs, sans question, ou illisibles`,
    other: (id: string) => `l'appareil de ${id}`,
    calls: (name: string) => `se nomme ${name}`,
  },
  en: {
    head: (when: string, from: string) => `Inventory of ${when}, asked from ${from}`,
    nowhere: 'no interface',
    heads: ['Difference', 'Camera', 'Configured at', 'Seen at', 'Hardware', 'MAC', 'Remark'],
    kinds: { missing: 'missing', moved: 'moved', swapped: 'swapped', unknown: 'unknown' },
    inPlace: (n: number, of: number) => `cameras in their place: ${n} of ${of}`,
    counts: (missing: number, moved: number, swapped: number, unknown: number) =>
      `${missing} missing, ${moved} moved, ${swapped} swapped, ${unknown} unknown device(s)`,
    none: 'No difference.',
    partial:
      'Not all could be seen: no interface in these networks, or too many answers. Not every unknown device is known.',
    ignored: (n: number) => `${n} answer(s) ignored: from elsewhere, to no question, or unreadable`,
    other: (id: string) => `the device of ${id}`,
    calls: (name: string) => `calls itself ${name}`,
  },
} as const;

/** One inventory for the terminal. */
export function inventoryText(inventory: Inventory, language: Language): string {
  const w = WORDS[language];
  const { findings, atMs, askedFrom, present, configured, ignored, complete } = inventory;
  const from = askedFrom.length > 0 ? askedFrom.join(', ') : w.nowhere;
  const rows = findings.map((finding) => rowOf(finding, language));
  const of = (kind: Finding['kind']) => countOf(inventory, kind);
  return [
    w.head(localTime(atMs), from),
    '',
    ...(rows.length > 0 ? table([[...w.heads], ...rows], []) : [w.none]),
    '',
    w.inPlace(present, configured),
    w.counts(of('missing'), of('moved'), of('swapped'), of('unknown')),
    ...(complete ? [] : [w.partial]),
    ...(ignored > 0 ? [w.ignored(ignored)] : []),
  ].join('\n');
}

function rowOf(finding: Finding, language: Language): string[] {
  const w = WORDS[language];
  const { kind, camera, configured, address, hardware, mac, other, deviceName } = finding;
  const remark = other === '' ? (deviceName === '' ? '' : w.calls(deviceName)) : w.other(other);
  const cells = [w.kinds[kind], camera, configured, address, hardware, mac, remark];
  return cells.map((cell) => (cell === '' ? '–' : printable(cell).slice(0, 60)));
}

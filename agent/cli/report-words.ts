import { ALL_CODES } from '../base/codes.ts';
import { causeText } from './causes.ts';

/** The words of the report, which is French for everyone: it goes to the commune. */
export const SIDES: Readonly<Record<string, string>> = {
  none: '',
  camera: 'caméra et son câble',
  'local-network': 'réseau de la commune',
  box: 'collecteur',
  backbone: 'dorsale',
  centre: 'centre (CSU)',
  partner: 'partenaire',
  unknown: 'indéterminé',
};

/** In the order in which they stand in tables. */
export const SIDE_ORDER = ['camera', 'local-network', 'box', 'backbone', 'centre', 'partner', 'unknown'];

export const OWNERS: Readonly<Record<string, string>> = {
  commune: 'commune',
  metropole: 'métropole',
  partner: 'partenaire',
};

export const NOTHING = '–';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** `3 j 4 h`, `2 h 05`, `4 min 30`, `12 s`. */
export function durationText(ms: number | undefined): string {
  if (ms === undefined) return NOTHING;
  if (ms >= DAY_MS) return `${Math.floor(ms / DAY_MS)} j ${Math.floor((ms % DAY_MS) / HOUR_MS)} h`;
  if (ms >= HOUR_MS) return `${Math.floor(ms / HOUR_MS)} h ${two((ms % HOUR_MS) / MINUTE_MS)}`;
  if (ms >= MINUTE_MS) return `${Math.floor(ms / MINUTE_MS)} min ${two((ms % MINUTE_MS) / SECOND_MS)}`;
  return ms > 0 && ms < 10 * SECOND_MS
    ? `${decimal(ms / SECOND_MS, 1)} s`
    : `${Math.round(ms / SECOND_MS)} s`;
}

/** Never rounded up to what it is not: 99.999 % of a month is not the whole month. */
export function percentText(percent: number | undefined): string {
  return percent === undefined ? NOTHING : `${decimal(Math.floor(percent * 100) / 100, 2)} %`;
}

/** With the comma of French numbers. */
export function decimal(value: number, digits: number): string {
  return value.toFixed(digits).replace('.', ',');
}

/** Date and time in Europe/Paris with the offset: an hour stands twice in the night in which clocks go back. */
export function momentText(ms: number): string {
  return MOMENT.format(ms).replace(',', '').replace('UTC', 'UTC ').replace('  ', ' ');
}

const MOMENT = new Intl.DateTimeFormat('fr-FR', {
  timeZone: 'Europe/Paris',
  ...{ day: '2-digit', month: '2-digit', year: 'numeric' },
  ...{ hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'shortOffset' },
});

/** `2026-10-05` as `05/10/2026`. */
export function dayText(day: string): string {
  return day.split('-').reverse().join('/');
}

export function causeWords(cause: string): string {
  const code = ALL_CODES.find((known) => known === cause);
  return code === undefined ? '' : causeText(code, 'fr').means;
}

function two(value: number): string {
  return String(Math.floor(value)).padStart(2, '0');
}

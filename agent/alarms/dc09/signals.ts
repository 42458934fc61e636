/** One thing that a panel reports. Area and zone are numbers without leading zeros, or empty. */
export interface Signal {
  readonly form: 'sia' | 'contact-id';
  /** Two letters of SIA, or three digits of Contact ID. */
  readonly code: string;
  /** Contact ID: 1 new or opening, 3 restore or closing, 6 still so. */
  readonly qualifier?: '1' | '3' | '6';
  readonly area: string;
  readonly zone: string;
  /** What the panel says in words, cut. */
  readonly text: string;
}

/** Most signals of one message. Source: guess. */
const MAX_SIGNALS = 64;
const TEXT_MAX = 120;
const NUMBER_MAX = 16;

/** @returns undefined when the data cannot be read, or the token is of another protocol */
export function readSignals(token: string, data: string): Signal[] | undefined {
  const signals =
    token === 'SIA-DCS' ? siaSignals(data) : token === 'ADM-CID' ? contactIdSignals(data) : undefined;
  return signals && signals.length > 0 && signals.length <= MAX_SIGNALS ? signals : undefined;
}

/** @see SIA DC-05; `1130 01 005`, with or without the spaces */
const CONTACT_ID = /^([136])([0-9B-F]{3})\s*([0-9A-F]{2})\s*([0-9A-F]{3})(?:\|?(.*))?$/s;

function contactIdSignals(data: string): Signal[] | undefined {
  const match = CONTACT_ID.exec(data.trim());
  if (!match) return undefined;
  const [, qualifier, code = '', area = '', zone = '', text = ''] = match;
  return [
    {
      form: 'contact-id',
      code,
      qualifier: qualifier as '1' | '3' | '6',
      area: plainNumber(area),
      zone: plainNumber(zone),
      text: words(text),
    },
  ];
}

/** A modifier, such as `ri1` (area) or `ti12:30`. @see SIA DC-03 §5 */
const MODIFIER = /^([a-z]{2})([0-9:.-]*)/;
const EVENT = /^([A-Z]{2})([0-9A-F]{0,8}(?=[/ ]|$)|[0-9]{0,8})/;

/** `N` or `O`, then events with their modifiers, divided by bars of their own; text in the end. */
function siaSignals(data: string): Signal[] | undefined {
  const { body, text } = withoutText(data.trim());
  if (!/^[NO]/.test(body)) return undefined;
  const state: Reading = { rest: body.slice(1), area: '', signals: [] };
  while (state.rest !== '') if (!readPart(state, text)) return undefined;
  return state.signals;
}

interface Reading {
  rest: string;
  area: string;
  readonly signals: Signal[];
}

function readPart(state: Reading, text: string): boolean {
  if (state.rest.startsWith('/') || state.rest.startsWith(' ')) state.rest = state.rest.slice(1);
  else if (MODIFIER.test(state.rest)) readModifier(state);
  else if (EVENT.test(state.rest)) readEvent(state, text);
  else return false;
  return true;
}

function readModifier(state: Reading): void {
  const [all = '', name, value = ''] = MODIFIER.exec(state.rest) ?? [];
  if (name === 'ri') state.area = plainNumber(value).slice(0, NUMBER_MAX);
  state.rest = state.rest.slice(all.length);
}

function readEvent(state: Reading, text: string): void {
  const [all = '', code = '', zone = ''] = EVENT.exec(state.rest) ?? [];
  state.signals.push({ form: 'sia', code, area: state.area, zone: plainNumber(zone), text });
  state.rest = state.rest.slice(all.length);
}

/** Text comes as `^…^`, `|A…` or `*"…"NM`: everything from there on. */
function withoutText(data: string): { body: string; text: string } {
  const start = data.search(/[\^|*]/);
  if (start < 0) return { body: data, text: '' };
  return { body: data.slice(0, start), text: words(data.slice(start).replace(/^\|A/, '')) };
}

function words(text: string): string {
  const utf8 = Buffer.from(text, 'latin1').toString('utf8');
  return (utf8.includes('\ufffd') ? text : utf8)
    .replace(/[\p{C}^|*"]+/gu, ' ')
    .trim()
    .slice(0, TEXT_MAX);
}

/** Panels write `1`, `01` and `001` for the same. */
export function plainNumber(digits: string): string {
  return digits.toUpperCase().replace(/^0+(?=.)/, '');
}

import { quoted } from '../../base/text.ts';

/** A value that an object sent. */
export interface Reading {
  /** As text, whatever it was; at most 256 characters. */
  readonly text: string;
  /** Absent when it is none; finite. True is 1 and false is 0. */
  readonly number?: number;
}

/** Why a message holds no value. */
export class Unreadable {
  readonly message: string;

  constructor(expected: string, came: string) {
    this.message = `${expected}, came ${quoted(came)}`;
  }
}

/** Texts that a rule can name are no longer. */
const TEXT_MAX = 256;
const DECIMAL = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
const ARRAY_INDEX = /^(0|[1-9]\d{0,8})$/;

/** The steps of a JSON pointer. @see RFC 6901 §3, §4 */
export function pointerSteps(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/**
 * Reads the value out of a message.
 * @param steps of the JSON pointer; undefined where the message is the value
 * @returns undefined when the pointer leads nowhere or to null: a message that does not speak of this value
 */
export function readMessage(
  payload: Buffer,
  steps: readonly string[] | undefined,
): Reading | Unreadable | undefined {
  const text = utf8(payload);
  if (text === undefined) return new Unreadable('expected text in UTF-8', payload.toString('latin1'));
  if (!steps) return ofText(text.trim());
  const whole = json(text);
  if (whole === undefined) return new Unreadable('expected JSON', text);
  const value = follow(whole, steps);
  if (value === undefined || value === null) return undefined;
  return ofJson(value) ?? new Unreadable('expected a number, a text, true or false', text);
}

function ofJson(value: unknown): Reading | undefined {
  if (typeof value === 'boolean') return { text: String(value), number: value ? 1 : 0 };
  if (typeof value === 'string') return ofText(value);
  if (typeof value === 'number' && Number.isFinite(value)) return { text: String(value), number: value };
  return undefined;
}

function ofText(text: string): Reading {
  const number = DECIMAL.test(text) ? Number(text) : Number.NaN;
  const cut = text.slice(0, TEXT_MAX + 1);
  return Number.isFinite(number) ? { text: cut, number } : { text: cut };
}

function utf8(payload: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(payload);
  } catch {
    return undefined;
  }
}

/** @returns undefined when the text is no JSON */
function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function follow(value: unknown, steps: readonly string[]): unknown {
  return steps.reduce((at: unknown, step) => {
    if (Array.isArray(at)) return ARRAY_INDEX.test(step) ? at[Number(step)] : undefined;
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
    return (at as Record<string, unknown>)[step];
  }, value);
}

import { asBeffroiError } from '../base/errors.ts';
import { causeText } from './causes.ts';
import type { Language } from './language.ts';

/** What one look at the box found. */
export interface Finding {
  readonly what: string;
  readonly verdict: 'ok' | 'warning' | 'bad';
  readonly text: string;
  /** What to do; empty when there is nothing to do. */
  readonly remedy: string;
}

export function good(what: string, text: string): Finding {
  return { what, verdict: 'ok', text, remedy: '' };
}

export function warning(what: string, text: string, remedy: string): Finding {
  return { what, verdict: 'warning', text, remedy };
}

/** A fault in the words of its code, with the message of the error behind it. */
export function failed(what: string, thrown: unknown, language: Language): Finding {
  const { code, message } = asBeffroiError(thrown);
  const { means, remedy } = causeText(code, language);
  return { what, verdict: 'bad', text: `${means} [${code}: ${message}]`, remedy };
}

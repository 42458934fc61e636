import { readTime } from './time.ts';

/** What stands in the brackets of a message, in clear. */
export interface Content {
  /** Without the account that stands before the first bar. */
  readonly data: string;
  /** Account inside the brackets, capital letters; it repeats the one of the header. */
  readonly account?: string | undefined;
  /** Extended data: one letter and its text. */
  readonly extended: readonly { readonly letter: string; readonly text: string }[];
  /** When it was sent, Unix ms; undefined without a time stamp that can be read. */
  readonly sentMs?: number | undefined;
  /** When it happened, by extended data `H`, Unix ms. */
  readonly occurredMs?: number | undefined;
}

const FORM = /^\[([^\]]*)\]((?:\[[^\]]*\])*)\s*(?:_([^\]]*))?$/;

/** @returns undefined when the text is no content of a message */
export function readContent(text: string): Content | undefined {
  const match = FORM.exec(text);
  if (!match) return undefined;
  const [, inner = '', more = '', stamp] = match;
  const [, account, data = inner] = /^#?([0-9A-Fa-f]{3,16})\|(.*)$/s.exec(inner) ?? [];
  const extended = [...more.matchAll(/\[([A-Z])([^\]]*)\]/g)].map(([, letter = '', value = '']) => ({
    letter,
    text: value,
  }));
  const occurred = extended.find(({ letter }) => letter === 'H');
  return {
    data,
    account: account?.toUpperCase(),
    extended,
    sentMs: stamp === undefined ? undefined : readTime(stamp),
    occurredMs: occurred && readTime(occurred.text),
  };
}

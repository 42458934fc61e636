import { isIPv6 } from 'node:net';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { ConfigurationError } from '../base/errors.ts';
import type { Credentials } from '../camera/types.ts';
import type { Language } from './language.ts';

/** Logins for the cameras of a survey: in the memory of this process, and nowhere else. */
export interface Logins {
  for(host: string): Credentials | undefined;
}

const MAX_INPUT_BYTES = 64 * 1024;

const WORDS = {
  fr: { user: 'Utilisateur des caméras (vide : aucun) : ', password: "Mot de passe (rien ne s'affiche) : " },
  en: { user: 'User of the cameras (empty: none): ', password: 'Password (nothing is shown): ' },
};

/** No camera is logged in to. */
export const NO_LOGINS: Logins = { for: () => undefined };

/**
 * Asks the terminal for one login, without showing the password; or reads standard input: a line `user:password` for all
 * cameras, lines `address user:password` for single ones.
 * @throws ConfigurationError `command-line-invalid`
 */
export async function askLogins(language: Language): Promise<Logins> {
  return process.stdin.isTTY ? await fromTerminal(language) : readLogins(await standardInput());
}

async function fromTerminal(language: Language): Promise<Logins> {
  const { user: userAsked, password: passwordAsked } = WORDS[language];
  const user = (await ask(userAsked, true)).trim();
  if (user === '') return NO_LOGINS;
  const login = { version: 1, user, password: await ask(passwordAsked, false) };
  return { for: () => login };
}

/** On standard error: standard output holds the report. */
async function ask(question: string, shown: boolean): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({
    input: process.stdin,
    output: shown ? process.stderr : nowhere,
    terminal: true,
  });
  lines.on('SIGINT', () => process.exit(130));
  // Only now: before it the terminal itself shows what is typed.
  process.stderr.write(question);
  try {
    return await lines.question('');
  } finally {
    lines.close();
    if (!shown) process.stderr.write('\n');
  }
}

async function standardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_INPUT_BYTES)
      throw invalid(`at most ${MAX_INPUT_BYTES} bytes of logins on standard input`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** @throws ConfigurationError `command-line-invalid`, which names the line by its number alone */
export function readLogins(text: string): Logins {
  const single = new Map<string, Credentials>();
  let common: Credentials | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const [, host, user = '', password = ''] = /^(?:(\S+) +)?([^:\s]+):(.*)$/.exec(line) ?? [];
    if (user === '')
      throw invalid(`user:password, or address user:password, on line ${index + 1} of standard input`);
    const login = { version: 1, user, password };
    if (host === undefined) common = login;
    else single.set(plainHost(host), login);
  }
  return { for: (host) => single.get(plainHost(host)) ?? common };
}

/** An IPv6 address has many spellings. */
function plainHost(text: string): string {
  const host = text.replace(/^\[|\]$/g, '').toLowerCase();
  return isIPv6(host) ? (URL.parse(`http://[${host}]`)?.hostname ?? host) : host;
}

function invalid(expected: string): ConfigurationError {
  return new ConfigurationError('command-line-invalid', `expected ${expected}`);
}

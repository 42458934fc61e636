import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { ConfigurationError, systemCode } from '../base/errors.ts';
import { readAtMost } from '../base/files.ts';
import { createLog } from '../base/log.ts';
import { localDate } from '../base/schedule.ts';
import { SOFTWARE } from '../base/software.ts';
import { plainJson, quoted } from '../base/text.ts';
import { type Survey, survey } from '../survey/survey.ts';
import { readTarget, type SurveyTarget } from '../survey/target.ts';
import type { Language } from './language.ts';
import { listenMsAsked, networksAsked, secondsAsked } from './networks-asked.ts';
import { askLogins, NO_LOGINS } from './survey-login.ts';
import { surveyMarkdown } from './survey-markdown.ts';
import { writeWhole } from './write-file.ts';

export interface SurveyCommand {
  readonly language: Language;
  readonly json: boolean;
  /** Addresses of cameras. */
  readonly words: readonly string[];
  /** A file with one address per line. */
  readonly list: string | undefined;
  readonly networks: readonly string[];
  readonly seconds: string | undefined;
  readonly measure: string | undefined;
  readonly noLogin: boolean;
  /** Folder that both forms are written to; standard output when absent. */
  readonly out: string | undefined;
}

const MAX_LIST_BYTES = 64 * 1024;
const MEASURE_S = 8;

const WORDS = {
  fr: {
    camera: (host: string, n: number, of: number) => `caméra ${n} sur ${of} : ${host}`,
    none: "Aucune caméra n'a été trouvée.",
  },
  en: {
    camera: (host: string, n: number, of: number) => `camera ${n} of ${of}: ${host}`,
    none: 'No camera was found.',
  },
};

/**
 * `beffroi survey`: the feasibility study of a site before it is connected. Reads only; the login is kept nowhere.
 * @returns the exit code: 0 when every camera can be connected, be it after changes; 1 otherwise
 * @throws ConfigurationError `command-line-invalid`, `report-unwritable`
 */
export async function runSurvey(command: SurveyCommand): Promise<number> {
  const { language, json, out } = command;
  const w = WORDS[language];
  const targets = await targetsOf(command);
  const options = {
    targets,
    networks: networksAsked(command.networks),
    listenMs: listenMsAsked(command.seconds),
    measureMs: (secondsAsked('--measure', command.measure) ?? MEASURE_S) * 1000,
  };
  const logins = command.noLogin ? NO_LOGINS : await askLogins(language);
  const log = createLog('error', { write: () => undefined });
  const needs = { clock: systemClock, log, randomBytes, newId: randomUUID };
  const begun = (host: string, n: number, of: number) => console.error(w.camera(host, n, of));
  const login = (host: string) => logins.for(host);
  const found = await survey(needs, { ...options, login, begun }, new AbortController().signal);
  if (found.cameras.length === 0) console.error(w.none);
  if (out === undefined) console.log(json ? jsonOf(found) : surveyMarkdown(found));
  else console.log((await writeBoth(out, found)).join('\n'));
  const isGood = found.cameras.every(
    ({ verdict }) => verdict === 'compatible' || verdict === 'after-changes',
  );
  return isGood && found.cameras.length > 0 ? 0 : 1;
}

function jsonOf(found: Survey): string {
  return plainJson(JSON.stringify({ v: 1, software: SOFTWARE, ...found }, undefined, 2));
}

async function targetsOf({ words, list }: SurveyCommand): Promise<SurveyTarget[]> {
  const lines = list === undefined ? [] : (await readList(list)).split(/\r?\n/);
  const listed = lines
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .flatMap((line) => line.split(/\s+/));
  return [...words, ...listed.filter((word) => word !== '')].map((text) => {
    const target = readTarget(text);
    if (target) return target;
    // The text is not shown: it may hold a password.
    const at = text.includes('@')
      ? 'an address with a login in it: it is asked for, or read from standard input'
      : quoted(text);
    throw invalid(`expected an address, a name, or http://, https://, rtsp:// without a login, came ${at}`);
  });
}

async function readList(file: string): Promise<string> {
  try {
    const bytes = await readAtMost(file, MAX_LIST_BYTES);
    if (!bytes) throw invalid(`--list: expected at most ${MAX_LIST_BYTES} bytes`);
    return bytes.toString('utf8');
  } catch (cause) {
    if (cause instanceof ConfigurationError) throw cause;
    throw invalid(`--list: ${file}: ${systemCode(cause) ?? 'unreadable'}`);
  }
}

async function writeBoth(folder: string, found: Survey): Promise<string[]> {
  const stem = join(folder, `etude-${localDate(found.atMs)}`);
  const files = [
    [`${stem}.md`, surveyMarkdown(found)],
    [`${stem}.json`, jsonOf(found)],
  ] as const;
  return await Promise.all(files.map(([file, text]) => writeWhole(file, `${text}\n`)));
}

function invalid(message: string): ConfigurationError {
  return new ConfigurationError('command-line-invalid', message);
}

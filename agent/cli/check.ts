import { plainJson } from '../base/text.ts';
import { BoxCheck } from './check-box.ts';
import type { Finding } from './findings.ts';
import type { Language } from './language.ts';

export interface CheckOptions {
  readonly config: string;
  readonly language: Language;
  readonly json: boolean;
}

const MARKS = { ok: 'ok  ', warning: '!   ', bad: 'FAUX' } as const;
const ENGLISH_MARKS = { ok: 'ok  ', warning: '!   ', bad: 'BAD ' } as const;

const SUMMARY = {
  fr: (bad: number, warnings: number) =>
    bad > 0
      ? `${french(bad, 'défaut')}, ${french(warnings, 'avertissement')}`
      : `prêt, ${french(warnings, 'avertissement')}`,
  en: (bad: number, warnings: number) =>
    bad > 0
      ? `${english(bad, 'fault')}, ${english(warnings, 'warning')}`
      : `ready, ${english(warnings, 'warning')}`,
};

/**
 * `beffroi check`: what is wrong with this box, in plain words.
 * @returns the exit code: 0 when nothing is bad, 1 otherwise
 */
export async function checkBox({ config, language, json }: CheckOptions): Promise<number> {
  const findings: Finding[] = [];
  for await (const finding of new BoxCheck(config, language).run()) {
    findings.push(finding);
    if (!json) print(finding, language);
  }
  const bad = findings.filter(({ verdict }) => verdict === 'bad').length;
  const warnings = findings.filter(({ verdict }) => verdict === 'warning').length;
  console.log(
    json ? plainJson(JSON.stringify({ bad, warnings, findings })) : SUMMARY[language](bad, warnings),
  );
  return bad > 0 ? 1 : 0;
}

function print({ verdict, what, text, remedy }: Finding, language: Language): void {
  const marks = language === 'fr' ? MARKS : ENGLISH_MARKS;
  console.log(`${marks[verdict]} ${what}${language === 'fr' ? ' :' : ':'} ${text}`);
  if (verdict !== 'ok' && remedy) console.log(`       → ${remedy}`);
}

function french(count: number, word: string): string {
  return `${count} ${word}${count > 1 ? 's' : ''}`;
}

function english(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

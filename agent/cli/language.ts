/** Languages of the texts for technicians. */
export type Language = 'fr' | 'en';

/** French unless the caller or the environment asks for English. */
export function chooseLanguage(asked: string | undefined, environment: NodeJS.ProcessEnv): Language {
  const wish = asked ?? environment.BEFFROI_LANG ?? environment.LC_ALL ?? environment.LANG ?? '';
  return wish.toLowerCase().startsWith('en') ? 'en' : 'fr';
}

/** The language that a command line asks for, also one that is wrong elsewhere. */
export function languageIn(args: readonly string[]): string | undefined {
  const at = args.indexOf('--lang');
  return at < 0 ? undefined : args[at + 1];
}

import { asBeffroiError, type BeffroiError } from '../agent/base/errors.ts';
import { explain } from '../agent/cli/causes.ts';
import { chooseLanguage, type Language, languageIn } from '../agent/cli/language.ts';
import { Options } from './arguments.ts';
import { findCommand } from './commands.ts';
import { readInputStream } from './desk.ts';
import { type Texts, textsOf } from './texts.ts';

const REFUSED = 1;
const WRONG_COMMAND_LINE = 2;

/** The process edge of beffroi-csu: arguments, signals, exit code. */
async function main(args: readonly string[]): Promise<number> {
  const language = chooseLanguage(languageIn(args), process.env);
  const texts = textsOf(language);
  if (args.length === 0 || args.includes('--help')) {
    process.stdout.write(texts.help);
    return args.length === 0 ? WRONG_COMMAND_LINE : 0;
  }
  try {
    return (await run(args, texts)) ? 0 : REFUSED;
  } catch (thrown) {
    return report(asBeffroiError(thrown), language);
  }
}

async function run(args: readonly string[], texts: Texts): Promise<boolean> {
  const { command, rest } = findCommand(args);
  const options = Options.parse(rest, { ...command.options, lang: 'one' });
  return await command.run({
    options,
    texts,
    signal: interrupted(),
    print: (line) => process.stdout.write(`${line}\n`),
    readInput: () => readInputStream(process.stdin),
  });
}

/** Aborts at the first SIGINT or SIGTERM; a second one ends the process at once. */
function interrupted(): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  return stop.signal;
}

function report(error: BeffroiError, language: Language): number {
  process.stderr.write(`beffroi-csu: ${explain(error, language)}\n`);
  return error.code === 'command-line-invalid' ? WRONG_COMMAND_LINE : REFUSED;
}

process.exitCode = await main(process.argv.slice(2));

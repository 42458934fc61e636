import { text } from 'node:stream/consumers';
import { CODES } from '../agent/base/codes.ts';
import { asBeffroiError, type BeffroiError } from '../agent/base/errors.ts';
import { Options } from './arguments.ts';
import { findCommand } from './commands.ts';
import { chooseLanguage, type Texts, textsOf } from './texts.ts';

const REFUSED = 1;
const WRONG_COMMAND_LINE = 2;

/** The process edge of beffroi-csu: arguments, signals, exit code. */
async function main(args: readonly string[]): Promise<number> {
  const texts = textsOf(chooseLanguage(languageIn(args), process.env));
  if (args.length === 0 || args.includes('--help')) {
    process.stdout.write(texts.help);
    return args.length === 0 ? WRONG_COMMAND_LINE : 0;
  }
  try {
    return (await run(args, texts)) ? 0 : REFUSED;
  } catch (thrown) {
    return report(asBeffroiError(thrown), texts);
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
    readInput: () => text(process.stdin),
  });
}

/** Aborts at the first SIGINT or SIGTERM; a second one ends the process at once. */
function interrupted(): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  return stop.signal;
}

function report(error: BeffroiError, texts: Texts): number {
  process.stderr.write(`beffroi-csu: ${texts.error} ${error.code}: ${error.message}\n`);
  process.stderr.write(`${texts.remedy}: ${CODES[error.code].remedy}\n`);
  return error.code === 'command-line-invalid' ? WRONG_COMMAND_LINE : REFUSED;
}

function languageIn(args: readonly string[]): string | undefined {
  const at = args.indexOf('--lang');
  return at < 0 ? undefined : args[at + 1];
}

process.exitCode = await main(process.argv.slice(2));

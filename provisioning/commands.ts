import { COMMAND_ROLE, type CommandName } from '../agent/contract/orders.ts';
import { parseStrictJson } from '../agent/trust/strict-json.ts';
import { type Options, wrong } from './arguments.ts';
import { addBox } from './box.ts';
import { createCsu } from './csu.ts';
import { brokerOf, brokersOf, type Command, csuOf, type Desk, exchangeOf, readInputFile } from './desk.ts';
import { pushConfiguration, readSignedConfiguration, sendCommand } from './exchange.ts';
import { replaceFile } from './files.ts';
import { checkSite } from './folder.ts';
import { because, describeStatus } from './lines.ts';
import { ORDER_OPTIONS, orderWords } from './order-words.ts';
import { receiveEvents } from './receive/receiver.ts';
import { signCommand, signConfiguration } from './sign.ts';
import { VIEWING_COMMANDS } from './viewing/commands.ts';
import { watchBoxes } from './watch.ts';

const PUSH_WAIT_S = 60;
const ORDER_WAIT_S = 90;
/** How long the receiver keeps events. Source: guess; the CSU decides by its own rules. */
const KEEP_DAYS = 400;
/** Largest archive of the receiver. Source: guess: a million events of some KB, and room for more. */
const ARCHIVE_MB = 8_192;
const MIB = 1024 * 1024;
/** Views and leases have commands of their own. */
const COMMAND_NAMES = (Object.keys(COMMAND_ROLE) as CommandName[]).filter(
  (name) => !/^(view|lease)\./.test(name),
);

/** The commands by the words of the command line. */
const COMMANDS: Readonly<Record<string, Command>> = {
  init: {
    options: {
      folder: 'one',
      'broker-host': 'many',
      'broker-port': 'one',
      'broker-folder': 'one',
      'broker-data': 'one',
    },
    run: init,
  },
  'box add': {
    options: {
      folder: 'one',
      site: 'one',
      broker: 'many',
      'backup-broker': 'many',
      out: 'one',
      clock: 'one',
      state: 'one',
      runtime: 'one',
      'plain-loopback': 'flag',
    },
    run: boxAdd,
  },
  'config sign': {
    options: {
      folder: 'one',
      site: 'one',
      in: 'one',
      out: 'one',
      version: 'one',
      'valid-days': 'one',
      consent: 'many',
    },
    run: configSign,
  },
  'config push': {
    options: { folder: 'one', site: 'one', in: 'one', broker: 'one', 'wait-s': 'one' },
    run: configPush,
  },
  'order send': {
    options: {
      folder: 'one',
      site: 'one',
      broker: 'one',
      command: 'one',
      ...ORDER_OPTIONS,
      'valid-s': 'one',
      'wait-s': 'one',
    },
    run: orderSend,
  },
  receive: {
    options: {
      folder: 'one',
      broker: 'many',
      database: 'one',
      'keep-days': 'one',
      'max-mb': 'one',
      'end-with-reader': 'flag',
      after: 'one',
      only: 'many',
    },
    run: receive,
  },
  ...VIEWING_COMMANDS,
  watch: { options: { folder: 'one', site: 'one', broker: 'one', json: 'flag' }, run: watch },
};

async function init({ options, texts, print }: Desk): Promise<boolean> {
  const folder = options.required('folder');
  const port = options.number('broker-port', 1, 65_535);
  const brokerFolder = options.optional('broker-folder');
  const dataFolder = options.optional('broker-data');
  await createCsu(folder, {
    brokerHosts: options.list('broker-host'),
    ...(port === undefined ? {} : { brokerPort: port }),
    ...(brokerFolder === undefined ? {} : { brokerFolder }),
    ...(dataFolder === undefined ? {} : { brokerDataFolder: dataFolder }),
  });
  print(texts.csuCreated(folder));
  return true;
}

async function boxAdd({ options, texts, print }: Desk): Promise<boolean> {
  const out = options.required('out');
  const site = options.required('site');
  const clock = options.choice('clock', ['chrony', 'timesyncd', 'host']);
  const stateFolder = options.optional('state');
  const runtimeFolder = options.optional('runtime');
  const box = {
    site,
    brokers: brokersOf(options, 'broker'),
    backupBrokers: options.has('backup-broker') ? brokersOf(options, 'backup-broker') : [],
    plainLoopback: options.flag('plain-loopback'),
    ...(clock === undefined ? {} : { clock }),
    ...(stateFolder === undefined ? {} : { stateFolder }),
    ...(runtimeFolder === undefined ? {} : { runtimeFolder }),
  };
  await addBox(csuOf(options), box, out);
  print(texts.boxAdded(site, out));
  return true;
}

async function configSign({ options, texts, print, readInput }: Desk): Promise<boolean> {
  const input = options.required('in');
  const out = options.required('out');
  const version = options.number('version', 1, 2 ** 31);
  const validDays = options.number('valid-days', 1, 731);
  const configuration = parseInput(input, input === '-' ? await readInput() : await readInputFile(input));
  const signed = await signConfiguration(csuOf(options), {
    site: options.required('site'),
    configuration,
    consents: await consentsOf(options),
    ...(version === undefined ? {} : { version }),
    ...(validDays === undefined ? {} : { validDays }),
  });
  await replaceFile(out, `${signed.jws}\n`);
  print(texts.signed(signed.version, out));
  return true;
}

async function consentsOf(options: Options): Promise<string[]> {
  const files = options.has('consent') ? options.list('consent') : [];
  return await Promise.all(files.map(async (file) => (await readInputFile(file)).trim()));
}

async function configPush({ options, texts, signal, print }: Desk): Promise<boolean> {
  const signed = readSignedConfiguration(await readInputFile(options.required('in')));
  print(texts.published(signed.version));
  const exchange = exchangeOf(options, PUSH_WAIT_S);
  const outcome = await pushConfiguration(csuOf(options), signed, exchange, signal);
  const why = because(outcome.cause, outcome.detail, texts.means);
  print(`${texts.configuration} ${outcome.version}: ${texts.words[outcome.phase]}${why}`);
  return outcome.phase === 'applied';
}

async function orderSend({ options, texts, signal, print }: Desk): Promise<boolean> {
  const csu = csuOf(options);
  const exchange = exchangeOf(options, ORDER_WAIT_S);
  const command = options.choice('command', COMMAND_NAMES) ?? options.required('command');
  const validS = options.number('valid-s', 1, 3600);
  const signed = await signCommand(csu, {
    site: exchange.site,
    command: command as CommandName,
    ...orderWords(options),
    ...(validS === undefined ? {} : { validS }),
  });
  print(texts.sent(signed.id));
  const last = await sendCommand(
    csu,
    signed,
    exchange,
    (status) => print(describeStatus(status, texts)),
    signal,
  );
  return last.status === 'successful';
}

async function watch({ options, texts, signal, print }: Desk): Promise<boolean> {
  const site = options.required('site');
  if (site !== '+') checkSite(site);
  const json = options.flag('json');
  await watchBoxes(csuOf(options), { site, broker: brokerOf(options), json, texts }, print, signal);
  return true;
}

async function receive({ options, signal }: Desk): Promise<boolean> {
  const after = options.number('after', 0, 9_999_999_999);
  return await receiveEvents(
    csuOf(options),
    {
      brokers: brokersOf(options, 'broker'),
      database: options.required('database'),
      keepDays: options.number('keep-days', 1, 36_500) ?? KEEP_DAYS,
      maxBytes: (options.number('max-mb', 16, 1_048_576) ?? ARCHIVE_MB) * MIB,
      endWithReader: options.flag('end-with-reader'),
      only: options.has('only') ? options.list('only') : [],
      ...(after === undefined ? {} : { after }),
    },
    signal,
  );
}

/** The parser's own message would show a piece of the file, which may be a password. */
function parseInput(file: string, text: string): unknown {
  try {
    return parseStrictJson(text);
  } catch (thrown) {
    throw wrong(`--in ${file}: ${thrown instanceof SyntaxError ? thrown.message : 'unreadable'}`);
  }
}

/** The command whose words begin the command line, and the rest of it. */
export function findCommand(args: readonly string[]): { command: Command; rest: readonly string[] } {
  for (const words of [2, 1]) {
    const name = args.slice(0, words).join(' ');
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command) return { command, rest: args.slice(words) };
  }
  const words = args.filter((arg) => !arg.startsWith('-')).slice(0, 2);
  throw wrong(`expected ${Object.keys(COMMANDS).join(', ')}; came ${words.join(' ') || 'nothing'}`);
}

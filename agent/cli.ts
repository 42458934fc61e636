import { parseArgs } from 'node:util';
import { asBeffroiError, ConfigurationError } from './base/errors.ts';
import { SOFTWARE } from './base/software.ts';
import { explain } from './cli/causes.ts';
import { chooseLanguage, type Language, languageIn } from './cli/language.ts';

const BOX_FILE = '/etc/beffroi/box.json';

/** Commands that take more words than their own. */
const TAKES_WORDS = ['alarms', 'survey'];

const HELP: Record<Language, string> = {
  fr: `beffroi ${SOFTWARE}, agent du collecteur de vidéoprotection

  beffroi run    [--config FICHIER] [--video own|external]   lance l'agent
  beffroi video  [--config FICHIER]                          lance le seul processus vidéo (systemd)
  beffroi status [--config FICHIER] [--json] [--follow]      montre l'agent qui tourne
  beffroi alarms [--config FICHIER] [--json] [--follow] [--all]
                                                             liste les alarmes en cours ; suit les événements
  beffroi alarms show POINT|ALARME [--config FICHIER] [--json]
                                                             raconte une alarme, et si le centre a signé son reçu
  beffroi report --month 2026-10 | --from 2026-10-01 --to 2026-10-15 [--config FICHIER] [--out DOSSIER]
                                                             écrit le rapport de disponibilité (Markdown et CSV)
  beffroi check  [--config FICHIER] [--json]                 dit ce qui ne va pas avant le lancement
  beffroi inventory [--now] [--config FICHIER] [--json]      compare la configuration et le réseau
  beffroi discover [--network 10.20.0.0/16]... [--seconds 4] [--json]
                                                             liste les équipements ONVIF du réseau, sans s'y connecter
  beffroi survey [ADRESSE…] [--list FICHIER] [--network 10.20.0.0/16]... [--no-login] [--measure 8] [--json] [--out DOSSIER]
                                                             étude de faisabilité d'un site : lit seulement ; le compte se tape,
                                                             ou se lit sur l'entrée standard, et n'est gardé nulle part

  --config   fichier du collecteur (${BOX_FILE})
  --lang     fr ou en

Codes de sortie : 0 tout va bien, 1 quelque chose ne va pas, 2 ligne de commande fausse.`,
  en: `beffroi ${SOFTWARE}, agent of the video-protection collector

  beffroi run    [--config FILE] [--video own|external]   runs the agent
  beffroi video  [--config FILE]                          runs the video process alone (systemd)
  beffroi status [--config FILE] [--json] [--follow]      shows the running agent
  beffroi alarms [--config FILE] [--json] [--follow] [--all]
                                                          lists the current alarms; follows the events
  beffroi alarms show POINT|ALARM [--config FILE] [--json]
                                                          tells one alarm, and whether the centre signed its receipt
  beffroi report --month 2026-10 | --from 2026-10-01 --to 2026-10-15 [--config FILE] [--out FOLDER]
                                                          writes the report on availability (Markdown and CSV, French)
  beffroi check  [--config FILE] [--json]                 says what is wrong before the start
  beffroi inventory [--now] [--config FILE] [--json]      holds the configuration against the network
  beffroi discover [--network 10.20.0.0/16]... [--seconds 4] [--json]
                                                          lists the ONVIF devices of the network, without a login
  beffroi survey [ADDRESS…] [--list FILE] [--network 10.20.0.0/16]... [--no-login] [--measure 8] [--json] [--out FOLDER]
                                                          feasibility study of a site (French): reads only; the login is
                                                          typed, or read from standard input, and kept nowhere

  --config   box file (${BOX_FILE})
  --lang     fr or en

Exit codes: 0 all is well, 1 something is wrong, 2 wrong command line.`,
};

function parseCommandLine() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        config: { type: 'string', default: BOX_FILE },
        video: { type: 'string', default: 'own' },
        lang: { type: 'string' },
        json: { type: 'boolean', default: false },
        follow: { type: 'boolean', default: false },
        all: { type: 'boolean', default: false },
        month: { type: 'string' },
        from: { type: 'string' },
        to: { type: 'string' },
        now: { type: 'boolean', default: false },
        network: { type: 'string', multiple: true, default: [] },
        seconds: { type: 'string' },
        out: { type: 'string' },
        list: { type: 'string' },
        measure: { type: 'string' },
        'no-login': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        version: { type: 'boolean', default: false },
      },
    });
  } catch (cause) {
    throw new ConfigurationError('command-line-invalid', (cause as Error).message, { cause });
  }
}

/** Each command loads only what it needs: `status` must not wait for the whole agent. */
async function main(): Promise<number> {
  const { values, positionals } = parseCommandLine();
  const language = chooseLanguage(values.lang, process.env);
  const [command, ...rest] = positionals;
  if (values.version) return say(SOFTWARE);
  if (values.help || command === undefined) return say(HELP[language], values.help ? 0 : 2);
  if (rest.length > 0 && !TAKES_WORDS.includes(command))
    throw new ConfigurationError('command-line-invalid', `unknown argument ${JSON.stringify(rest[0])}`);
  const { config, video } = values;
  switch (command) {
    case 'run': {
      if (video !== 'own' && video !== 'external') {
        throw new ConfigurationError('command-line-invalid', '--video: expected own or external');
      }
      const { runAgent } = await import('./main.ts');
      return await runAgent({ config, video });
    }
    case 'video': {
      const { runVideo } = await import('./video-main.ts');
      return await runVideo({ config, withParent: false });
    }
    case 'status': {
      const { showStatus } = await import('./cli/status.ts');
      return await showStatus({ config, language, json: values.json, follow: values.follow });
    }
    case 'alarms': {
      const { showAlarms } = await import('./cli/alarms.ts');
      const { json, follow, all } = values;
      return await showAlarms({ config, language, json, follow, all, words: rest });
    }
    case 'report': {
      const { writeReport } = await import('./cli/report.ts');
      const { month, from, to, out } = values;
      return await writeReport({ config, language, month, from, to, out: out ?? '.' });
    }
    case 'check': {
      const { checkBox } = await import('./cli/check.ts');
      return await checkBox({ config, language, json: values.json });
    }
    case 'inventory': {
      const { showInventory } = await import('./cli/inventory.ts');
      return await showInventory({ config, language, json: values.json, now: values.now });
    }
    case 'survey': {
      const { runSurvey } = await import('./cli/survey.ts');
      const { json, list, measure, network, seconds, out, 'no-login': noLogin } = values;
      const asked = { list, measure, networks: network, seconds, out, noLogin };
      return await runSurvey({ language, json, words: rest, ...asked });
    }
    case 'discover': {
      const { showDevices } = await import('./cli/discover.ts');
      const { json, network, seconds } = values;
      return await showDevices({ language, json, networks: network, seconds });
    }
    default:
      throw new ConfigurationError(
        'command-line-invalid',
        `unknown command ${JSON.stringify(command)}; --help lists them`,
      );
  }
}

function say(text: string, code = 0): number {
  console.log(text);
  return code;
}

main().then(
  (code) => process.exit(code),
  (thrown: unknown) => {
    const error = asBeffroiError(thrown);
    console.error(`beffroi: ${explain(error, chooseLanguage(languageIn(process.argv), process.env))}`);
    process.exit(error.code === 'command-line-invalid' ? 2 : 1);
  },
);

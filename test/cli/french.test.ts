import { readFile } from 'node:fs/promises';
import t from 'tap';
import { CODES, type Code } from '../../agent/base/codes.ts';
import { causeText } from '../../agent/cli/causes.ts';
import { textsOf } from '../../provisioning/texts.ts';

/** Pages and sources that hold French. */
const FILES = [
  'agent/cli.ts',
  'agent/cli/check-box.ts',
  'agent/cli/check-local.ts',
  'agent/cli/check.ts',
  'agent/cli/discover.ts',
  'agent/cli/inventory-text.ts',
  'agent/cli/inventory.ts',
  'agent/cli/report-csv.ts',
  'agent/cli/report-markdown.ts',
  'agent/cli/report-words.ts',
  'agent/cli/status-table.ts',
  'agent/cli/survey-markdown.ts',
  'agent/cli/survey-words.ts',
  'agent/cli/survey.ts',
  'docs/operator.md',
  'docs/technician.md',
];

t.test('French: one kind of apostrophe everywhere', async (t) => {
  const causes = Object.keys(CODES).map((code) => Object.values(causeText(code as Code, 'fr')).join(' '));
  t.equal([...causes, textsOf('fr').help].join(' ').match(/’/g), null);
  for (const file of FILES) t.notMatch(await readFile(file, 'utf8'), /’/, file);
});

t.test(
  'French: the MQTT server is the courtier; broker stands only in names of options and folders',
  async (t) => {
    const { help, csuCreated } = textsOf('fr');
    const causes = Object.keys(CODES).map((code) => Object.values(causeText(code as Code, 'fr')).join(' '));
    const pages = [await readFile('docs/technician.md', 'utf8'), await readFile('docs/operator.md', 'utf8')];
    for (const text of [help, csuCreated('x'), ...causes, ...pages]) {
      const words = text.replaceAll(
        /```[\s\S]*?```|`[^`]*`|--(?:backup-)?broker\S*|\bbroker[/-]\S*|\(broker\)/g,
        '',
      );
      t.notMatch(words, /\bbrokers?\b/i);
    }
  },
);

t.test('French: a colon, a semicolon and an exclamation mark stand behind a space', async (t) => {
  for (const code of Object.keys(CODES) as Code[]) {
    const { means, remedy } = causeText(code, 'fr');
    t.notMatch(`${means} ${remedy}`, /[a-zé)][:;!?](\s|$)/, code);
  }
});

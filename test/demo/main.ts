import { parseArgs } from 'node:util';
import { chooseLanguage } from '../../agent/cli/language.ts';
import { live } from './live.ts';
import { smoke } from './smoke.ts';

const { values } = parseArgs({
  options: { smoke: { type: 'boolean', default: false }, lang: { type: 'string', default: 'en' } },
});

const ended = values.smoke ? smoke() : live(chooseLanguage(values.lang, process.env));
ended.then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);

/** Writes the generated pages; with `--check` only says which are not fresh and exits 1. */
import { readFile, writeFile } from 'node:fs/promises';
import { boxFileSchema } from '../../agent/config/box-file-schema.ts';
import { agentToVideo, videoToAgent } from '../../agent/contract/video-link.ts';
import { alarmsPage } from './alarms.ts';
import { architecturePage } from './architecture.ts';
import { asyncapiDocument } from './asyncapi.ts';
import { configurationPage } from './configuration.ts';
import { errorsPage } from './errors.ts';
import { mqttPage } from './mqtt.ts';
import { shapesFile } from './shapes.ts';

const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };

const pages: Record<string, string> = {
  'docs/reference/mqtt.md': mqttPage(),
  'docs/reference/asyncapi.yaml': asyncapiDocument(version),
  'docs/reference/alarms.md': alarmsPage(),
  'docs/reference/errors.md': errorsPage(),
  'docs/reference/configuration.md': configurationPage(),
  'agent/contract/video-link-shapes.ts': shapesFile(
    { AGENT_TO_VIDEO: agentToVideo, VIDEO_TO_AGENT: videoToAgent },
    './shape.ts',
    'output',
  ),
  'agent/config/box-file-shape.ts': shapesFile({ BOX_FILE: boxFileSchema }, '../contract/shape.ts', 'input'),
  'docs/architecture.md': await architecturePage('docs/architecture.md'),
};

const check = process.argv.includes('--check');
for (const [file, content] of Object.entries(pages)) {
  const old = await readFile(file, 'utf8').catch(() => '');
  if (old === content) continue;
  if (check) {
    console.error(`${file} is not fresh: run npm run generate`);
    process.exitCode = 1;
  } else {
    await writeFile(file, content);
    console.log(`wrote ${file}`);
  }
}

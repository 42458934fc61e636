import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import t from 'tap';
import { parse } from 'yaml';
import { CODES } from '../../agent/base/codes.ts';
import { MESSAGES, type MessageDefinition, type MessageKey } from '../../agent/contract/messages.ts';

t.test('contract: every example on the reference page is taken by its schema', async (t) => {
  const page = await readFile('docs/reference/mqtt.md', 'utf8');
  const blocks = [...page.matchAll(/### `csu\/v1\/<site>\/([^`]*)`\n[^#]*?```json\n(.*?)\n```/gs)];
  t.equal(blocks.length, Object.keys(MESSAGES).length);
  for (const [, topic = '', json = ''] of blocks) {
    const definition = Object.values<MessageDefinition>(MESSAGES).find(
      (message) => topicEnd(message) === topic,
    );
    t.ok(definition, topic);
    t.same(definition?.schema.safeParse(JSON.parse(json)).error?.issues ?? [], [], topic);
  }
});

t.test('contract: payloads are flat', async (t) => {
  for (const key of Object.keys(MESSAGES) as MessageKey[]) {
    const shape = MESSAGES[key].schema.shape;
    for (const [field, schema] of Object.entries(shape)) {
      t.not((schema as { type: string }).type, 'object', `${key}.${field}`);
      t.not((schema as { type: string }).type, 'array', `${key}.${field}`);
    }
  }
});

t.test('contract: asyncapi.yaml is a valid AsyncAPI 3.0 document', async (t) => {
  const require = createRequire(import.meta.url);
  const specification = require('@asyncapi/specs/schemas/3.0.0-without-$id.json') as object;
  const document: unknown = parse(await readFile('docs/reference/asyncapi.yaml', 'utf8'));
  const ajv = new Ajv({ strict: false, validateFormats: false, logger: false });
  const valid = ajv.validate(specification, document);
  t.same(valid ? [] : ajv.errors, []);
  t.notOk(ajv.validate(specification, { ...(document as object), channels: 1 }), 'the check can fail');
});

t.test('contract: every reference inside asyncapi.yaml resolves', async (t) => {
  const text = await readFile('docs/reference/asyncapi.yaml', 'utf8');
  const document: unknown = parse(text);
  const references = [...text.matchAll(/\$ref: "?#\/([^\s"]+)/g)].map(([, path = '']) => path);
  t.ok(references.length >= Object.keys(MESSAGES).length);
  for (const path of references) {
    const target = path
      .split('/')
      .reduce<unknown>((node, key) => (node as Record<string, unknown>)?.[key], document);
    t.ok(target, path);
  }
});

t.test('errors: the reference page lists the codes of the table and no other', async (t) => {
  const page = await readFile('docs/reference/errors.md', 'utf8');
  const listed = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code]) => code);
  t.same(listed, Object.keys(CODES));
});

function topicEnd(message: MessageDefinition): string {
  const entity = message.entity === 'collector' ? 'collector' : `<${message.entity}>`;
  return `${entity}/${message.class}/${message.name}`;
}

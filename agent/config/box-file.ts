import { isAbsolute, resolve } from 'node:path';
import { ConfigurationError } from '../base/errors.ts';
import { readInstalled } from '../base/files.ts';
import { quoted } from '../base/text.ts';
import { type Shape, ShapeCheck } from '../contract/shape.ts';
import { parseStrictJson } from '../trust/strict-json.ts';
import { boxFaults } from './box-faults.ts';
import type { BoxFile } from './box-file-schema.ts';
import { BOX_FILE } from './box-file-shape.ts';

export type { BoxFile };

/** Largest box file, bytes. Source: guess; one with four brokers has 1 KB. */
const MAX_BOX_FILE_BYTES = 64 * 1024;

const SHAPE = new ShapeCheck<BoxFile>(BOX_FILE);
const DEFAULTS = Object.fromEntries(
  Object.entries(BOX_FILE.properties ?? {}).flatMap(([key, shape]) => {
    const value = defaultOf(shape);
    return value === undefined ? [] : [[key, value]];
  }),
);

function defaultOf(shape: Shape): unknown {
  return (
    shape.default ?? (shape.$ref ? BOX_FILE.$defs[shape.$ref.slice('#/$defs/'.length)]?.default : undefined)
  );
}

/**
 * Reads and checks the box file.
 * @throws ConfigurationError `box-file-unreadable`, or `box-file-invalid` with every wrong path in the message
 */
export async function readBoxFile(file: string): Promise<BoxFile> {
  const text = (await readInstalled(file, MAX_BOX_FILE_BYTES, 'box-file-unreadable')).toString('utf8');
  const box = boxOf(parseJson(file, text), (faults) => {
    throw new ConfigurationError('box-file-invalid', `${file}: ${faults.join('; ')}`);
  });
  return absolutePaths(box, resolve(file, '..'));
}

/** By the shape that is generated from the schema: the video process does without zod. */
function boxOf(parsed: unknown, refuse: (faults: readonly string[]) => never): BoxFile {
  const looked = SHAPE.check(withDefaults(parsed));
  if ('faults' in looked) return refuse(looked.faults);
  const faults = boxFaults(looked.value);
  if (faults.length > 0) refuse(faults.map(({ path, message }) => `${path.join('.')}: ${message}`));
  return looked.value;
}

function withDefaults(parsed: unknown): unknown {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return parsed;
  return { ...DEFAULTS, ...parsed };
}

/** The parser of Node says where JSON breaks, ours that a name stands twice. */
function parseJson(file: string, text: string): unknown {
  try {
    JSON.parse(text);
    return parseStrictJson(text);
  } catch (cause) {
    const why = quoted(String(cause), 200);
    throw new ConfigurationError('box-file-invalid', `${file}: expected JSON: ${why}`, { cause });
  }
}

function absolutePaths(box: BoxFile, folder: string): BoxFile {
  const full = (relative: string) => (isAbsolute(relative) ? relative : resolve(folder, relative));
  const tls = box.tls && mapPaths(box.tls, full);
  return {
    ...box,
    ...(tls ? { tls } : {}),
    trust: mapPaths(box.trust, full),
    stateFolder: full(box.stateFolder),
    runtimeFolder: full(box.runtimeFolder),
  };
}

function mapPaths<T extends Record<string, string>>(paths: T, full: (path: string) => string): T {
  return Object.fromEntries(Object.entries(paths).map(([key, value]) => [key, full(value)])) as T;
}

import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

/** Version of the program, from its package. */
export const SOFTWARE: string = readVersion();

function readVersion(): string {
  const file = findPackageJSON('..', import.meta.url);
  return file ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version : 'unknown';
}

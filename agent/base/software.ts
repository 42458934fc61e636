import { findPackageJSON } from 'node:module';
import { readAtMostSync } from './files.ts';

/** Source: guess; ours has three kilobytes. */
const MAX_PACKAGE_BYTES = 64 * 1024;

/** Version of the program, from its package. */
export const SOFTWARE: string = readVersion();

function readVersion(): string {
  const file = findPackageJSON('..', import.meta.url);
  const text = file && readAtMostSync(file, MAX_PACKAGE_BYTES)?.toString('utf8');
  return text ? (JSON.parse(text) as { version: string }).version : 'unknown';
}

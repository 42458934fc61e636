import { createCipheriv, createDecipheriv, randomInt } from 'node:crypto';

/**
 * AES-CBC with an initial vector of zeros, as the standard has it: interoperability, not protection. There is no
 * authentication of what was encrypted, and equal beginnings give equal cipher texts.
 * @see ANSI/SIA DC-09 §5.4
 */
const BLOCK_BYTES = 16;
const ZERO_IV = Buffer.alloc(BLOCK_BYTES);
const PAD_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/**
 * @param content from the opening bracket on, the rest hexadecimal
 * @returns the content as a message in clear has it; undefined when it is not whole blocks, or not what a key of ours
 *   made
 */
export function decryptContent(content: string, key: Buffer): string | undefined {
  const match = /^\[((?:[0-9A-Fa-f]{32})+)$/.exec(content);
  if (!match?.[1]) return undefined;
  const decipher = createDecipheriv(algorithm(key), key, ZERO_IV).setAutoPadding(false);
  const bytes = Buffer.concat([decipher.update(match[1], 'hex'), decipher.final()]);
  return withoutPadding(bytes.toString('latin1'));
}

/** @param content as a message in clear has it, from the opening bracket on */
export function encryptContent(content: string, key: Buffer): string {
  const inner = `|${content.slice(1)}`;
  const padding = BLOCK_BYTES - (inner.length % BLOCK_BYTES);
  const letters = Array.from({ length: padding }, () => PAD_LETTERS[randomInt(PAD_LETTERS.length)]).join('');
  const cipher = createCipheriv(algorithm(key), key, ZERO_IV).setAutoPadding(false);
  const bytes = Buffer.concat([cipher.update(letters + inner, 'latin1'), cipher.final()]);
  return `[${bytes.toString('hex').toUpperCase()}`;
}

function algorithm(key: Buffer): string {
  return `aes-${key.length * 8}-cbc`;
}

/** Padding ends with a bar. A panel of Hikvision sends none where there is no data: then a bracket ends it. */
function withoutPadding(plain: string): string | undefined {
  const end = plain.search(/[|[\]]/);
  if (end < 0 || plain[end] === '[') return undefined;
  return `[${plain.slice(plain[end] === '|' ? end + 1 : end)}`;
}

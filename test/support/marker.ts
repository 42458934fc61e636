import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clip, ClipUnit } from './clips.ts';

/** Bytes of the middle of each key picture that are looked for. */
const SLICE_BYTES = 24;

/** Bytes that stand in every picture of a clip and nowhere else, and the search for them. */
export class Marker {
  readonly clip: Clip;
  readonly #needles: readonly string[];

  /**
   * @param clip of H.264; each of its pictures is marked by an SEI, and the middle of its key pictures is known
   * @param decoded its pictures as a decoder gives them: they are looked for too
   */
  constructor(clip: Clip, decoded: readonly Uint8Array[] = []) {
    // No zero: no emulation prevention is needed. @see ITU-T H.264 §7.4.1
    const mark = Buffer.from(randomBytes(32).map((byte) => byte | 1));
    this.clip = { ...clip, units: clip.units.map((unit) => ({ ...unit, nals: marked(unit, mark) })) };
    const middles = clip.units.filter(({ key }) => key).map(middleOf);
    this.#needles = [mark, ...middles, ...decoded.map(liveliest)].flatMap(forms);
  }

  /** The bytes that mark, as they stand in a picture. */
  get bytes(): Buffer {
    return Buffer.from(this.#needles[0] ?? '', 'latin1');
  }

  /** Whether it stands in bytes given as Latin-1 text: as it is, in base64, in hexadecimal or as a list of numbers. */
  isIn(text: string): boolean {
    return this.#needles.some((needle) => text.includes(needle));
  }

  /** Files below the folder, whatever their names, in which it stands. */
  below(folder: string): string[] {
    return filesBelow(folder).filter((path) => this.isIn(contentOf(path)));
  }
}

/** The user data goes before the first slice. @see ITU-T H.264 §D.1.7 */
function marked({ nals }: ClipUnit, mark: Buffer): Buffer[] {
  const uuid = Buffer.alloc(16, 0xb7);
  const sei = Buffer.concat([
    Buffer.from([6, 5, uuid.length + mark.length]),
    uuid,
    mark,
    Buffer.from([0x80]),
  ]);
  const at = nals.findIndex((nal) => [1, 5].includes((nal[0] ?? 0) & 0x1f));
  return [...nals.slice(0, at), sei, ...nals.slice(at)];
}

function middleOf({ nals }: ClipUnit): Buffer {
  const slice = nals.findLast((nal) => nal.length > 4 * SLICE_BYTES) ?? Buffer.alloc(0);
  const from = slice.length >> 1;
  return slice.subarray(from, from + SLICE_BYTES);
}

/** The bytes of a decoded picture that no other picture has by chance: most levels side by side. */
function liveliest(picture: Uint8Array): Buffer {
  const runs = Array.from({ length: Math.floor(picture.length / SLICE_BYTES) }, (_, run) =>
    picture.subarray(run * SLICE_BYTES, (run + 1) * SLICE_BYTES),
  );
  const [most = new Uint8Array()] = runs.sort((a, b) => new Set(b).size - new Set(a).size);
  return Buffer.from(most);
}

/** Base64 depends on the place: the middle of each of the three. */
function forms(bytes: Buffer): string[] {
  const base64 = [0, 1, 2].map((skip) => bytes.subarray(skip).toString('base64').slice(0, 24));
  return [bytes.toString('latin1'), bytes.toString('hex'), [...bytes].slice(0, 16).join(), ...base64];
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

/** Files of others come and go. */
function contentOf(path: string): string {
  try {
    return lstatSync(path).isFile() ? readFileSync(path, 'latin1') : '';
  } catch {
    return '';
  }
}

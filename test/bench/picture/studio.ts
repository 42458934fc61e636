import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawScene } from './drawn-scenes.ts';
import type { Lighting, PropFiles } from './film.ts';
import { PHOTOS, type Photo } from './photos.ts';
import { type Light, makeProps, STILL, still, type Turn } from './stills.ts';

/** The folder of a run, with the stills that films are made of. */
export class Studio {
  readonly folder: string;
  readonly props: PropFiles;
  readonly #stills = new Map<string, Promise<Buffer>>();
  readonly #drawings = new Map<string, Promise<void>>();

  private constructor(folder: string, props: PropFiles) {
    this.folder = folder;
    this.props = props;
  }

  static async open(): Promise<Studio> {
    const folder = await mkdtemp(join(tmpdir(), 'bfr-picture-'));
    const coverOf = PHOTOS.find(({ name }) => name === 'plant');
    if (!coverOf) throw new Error('no photograph for the cover');
    const props = await makeProps(coverOf);
    const files = Object.entries(props).map(async ([name, bytes]) => {
      const file = join(folder, `${name}.raw`);
      await writeFile(file, bytes);
      return [name, file] as const;
    });
    return new Studio(folder, Object.fromEntries(await Promise.all(files)) as unknown as PropFiles);
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The view of a camera by day and by night. @param infrared what its nights are */
  async lighting(photo: Photo, infrared: boolean, turn?: Turn): Promise<Lighting> {
    const file = (light: Light) => this.#still(photo, light, turn);
    const [morning, noon, evening, night] = await Promise.all([
      file('morning'),
      file('noon'),
      file('evening'),
      file(infrared ? 'infrared' : 'night'),
    ]);
    return { morning, noon, evening, night };
  }

  /** Luma of the view in a light. */
  async luma(photo: Photo, light: Light): Promise<Uint8Array> {
    await this.#still(photo, light);
    const bytes = await this.#stills.get(keyOf(photo, light));
    return bytes?.subarray(0, STILL.width * STILL.height) ?? new Uint8Array();
  }

  async #still(photo: Photo, light: Light, turn?: Turn): Promise<string> {
    const key = keyOf(photo, light, turn);
    const file = join(this.folder, `${key}.raw`);
    if (!this.#stills.has(key)) this.#stills.set(key, this.#make(photo, light, turn, file));
    await this.#stills.get(key);
    return file;
  }

  /** What is drawn becomes a file once. */
  async #source({ name, file, drawn }: Photo): Promise<string> {
    if (!drawn) return file;
    const path = join(this.folder, `${name}.ppm`);
    const drawing = this.#drawings.get(name) ?? writeFile(path, drawScene(drawn.scene, drawn.seed));
    this.#drawings.set(name, drawing);
    await drawing;
    return path;
  }

  async #make(photo: Photo, light: Light, turn: Turn | undefined, file: string): Promise<Buffer> {
    // Lamps and shadows stay where they are when the camera turns: they are others in another view.
    const seed = (PHOTOS.indexOf(photo) + 1) * 1000 + (turn ? 500 : 0);
    const bytes = await still({ ...photo, file: await this.#source(photo) }, light, seed, turn);
    await writeFile(file, bytes);
    return bytes;
  }
}

function keyOf({ name }: Photo, light: Light, turn?: Turn): string {
  return `${name}-${light}${turn ? `-${turn.right}-${turn.down}` : ''}`;
}

import { existsSync } from 'node:fs';
import { SCENES, type Scene } from './drawn-scenes.ts';

const EXAMPLES = '/usr/share/doc/opencv-doc/examples';
const PAGES = '/usr/share/doc/opencv-doc/opencv4/html';
const MATE = '/usr/share/backgrounds/mate/nature';
const GNOME = '/usr/share/backgrounds/gnome';

/** Debian packages that the photographs and the footage are of. */
export const PHOTO_PACKAGES = ['opencv-doc', 'mate-backgrounds', 'gnome-backgrounds'];

export interface Photo {
  readonly name: string;
  /** Empty for what is drawn. */
  readonly file: string;
  /** What of the file is shown, as ffmpeg crops it. */
  readonly crop?: string;
  readonly drawn?: { readonly scene: Scene; readonly seed: number };
  /** Thresholds were chosen on those for tuning; the figures come from the others. */
  readonly use: 'tuning' | 'figure';
}

/** Streets, buildings, rooms and fields, as cameras see them; two scenes that hardly show anything. */
export const PHOTOS: readonly Photo[] = [
  photo('building', 'tuning', `${EXAMPLES}/data/building.jpg`),
  photo('alley', 'tuning', `${EXAMPLES}/data/leuvenA.jpg`),
  photo('shed', 'tuning', `${EXAMPLES}/text/scenetext04.jpg`),
  photo('barrier', 'tuning', `${EXAMPLES}/text/scenetext05.jpg`),
  photo('tree', 'tuning', `${EXAMPLES}/hfs/data/002.jpg`),
  photo('aloe', 'tuning', `${EXAMPLES}/data/aloeL.jpg`),
  photo('wall', 'tuning', `${EXAMPLES}/data/graf1.png`),
  photo('office', 'tuning', `${EXAMPLES}/data/basketball1.png`),
  photo('plant', 'tuning', `${EXAMPLES}/alphamat/input_images/plant.jpg`),
  photo('hall', 'tuning', `${PAGES}/studentsSample_input.jpg`),
  photo('heath', 'tuning', `${PAGES}/retina_TreeHdr_small.jpg`),
  photo('dune', 'tuning', `${MATE}/Dune.jpg`),
  photo('licorice', 'tuning', `${GNOME}/licorice-l.webp`),
  photo('tower', 'figure', `${EXAMPLES}/data/home.jpg`),
  photo('crossing', 'figure', `${EXAMPLES}/text/scenetext01.jpg`),
  photo('arcade', 'figure', `${EXAMPLES}/text/scenetext03.jpg`),
  photo('shop', 'figure', `${EXAMPLES}/text/scenetext06.jpg`),
  photo('house', 'figure', `${EXAMPLES}/reg/home.png`),
  photo('lake', 'figure', `${EXAMPLES}/hfs/data/001.jpg`),
  photo('town', 'figure', `${EXAMPLES}/data/aero1.jpg`),
  photo('stadium', 'figure', `${EXAMPLES}/data/messi5.jpg`),
  photo('table', 'figure', `${EXAMPLES}/data/stuff.jpg`),
  photo('arch', 'figure', `${PAGES}/ldr_robertson.jpg`),
  photo('corridor', 'figure', `${PAGES}/corridor_fld.jpg`),
  photo('window', 'figure', `${PAGES}/11_demo.jpg`),
  photo('road', 'figure', `${MATE}/Storm.jpg`),
  photo('meadow', 'figure', `${MATE}/GreenMeadow.jpg`),
  photo('pixels', 'figure', `${GNOME}/pixels-l.webp`),
  photo('people', 'figure', `${EXAMPLES}/data/vtest.avi`),
  ...SCENES.map((scene, i) => drawn(scene, 'tuning', 101 + i)),
  ...SCENES.map((scene, i) => drawn(scene, 'figure', 201 + i)),
  // Textures; at the end, for light and shadows go by the place in this list.
  { ...photo('grass', 'tuning', `${MATE}/Dune.jpg`), crop: 'iw:ih*0.55:0:ih*0.45' },
  { ...photo('scrub', 'tuning', `${PAGES}/retina_TreeHdr_small.jpg`), crop: 'iw:ih*0.48:0:ih*0.52' },
  { ...photo('blades', 'tuning', `${MATE}/RainDrops.jpg`), crop: 'iw*0.5:ih*0.5:iw*0.5:0' },
  photo('leaves', 'tuning', `${MATE}/RainDrops.jpg`),
  photo('planks', 'tuning', `${MATE}/Wood.jpg`),
  photo('flowers', 'tuning', `${MATE}/LadyBird.jpg`),
  photo('harbour', 'tuning', `${PAGES}/boat.jpg`),
];

function drawn(scene: Scene, use: Photo['use'], seed: number): Photo {
  return { name: `${scene}-${seed}`, use, file: '', drawn: { scene, seed } };
}

function photo(name: string, use: Photo['use'], file: string): Photo {
  return { name, use, file };
}

/** A bus that comes by is cut out of this one. */
export const BUS = `${PAGES}/pexels_double_decker_bus.jpg`;

export function missingPhotos(): string[] {
  return PHOTOS.map(({ file }) => file).filter((file) => file !== '' && !existsSync(file));
}

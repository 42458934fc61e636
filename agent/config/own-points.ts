import { createHash } from 'node:crypto';
import { z } from 'zod';
import { boxPoints, type OWN_KINDS } from './box-points.ts';
import { type Configuration, configurationSchema, type PointConfig } from './configuration.ts';

type Given = Pick<Configuration, 'alarms' | 'points'> & {
  readonly segments: readonly Pick<Configuration['segments'][number], 'id' | 'name'>[];
  readonly cameras: readonly Pick<Configuration['cameras'][number], 'id' | 'name' | 'owner' | 'segment'>[];
};
type OwnKind = (typeof OWN_KINDS)[number];

const NAMES: Readonly<Record<OwnKind, string>> = {
  'camera-health': 'Caméra en panne',
  'camera-network': 'Caméras injoignables',
  'box-clock': 'Collecteur : heure non synchronisée',
  'box-disk': 'Collecteur : disque presque plein',
  'box-temperature': 'Collecteur : trop chaud',
  'box-certificate': 'Collecteur : fin de certificat',
  'box-outbox': "Collecteur : file d'envoi",
  'box-store': 'Collecteur : base de données',
  'box-link': 'Collecteur : liaison perdue',
  'box-video': 'Collecteur : vidéo arrêtée',
  'box-backbone': 'Collecteur : dorsale dégradée',
  'box-disk-wear': 'Collecteur : disque usé',
  'box-unknown-device': 'Appareil inconnu sur le réseau',
  'camera-moved': 'Caméra déplacée',
};
/** One camera alone says nothing of its network, and nothing is unknown where nothing is known. */
const CAMERAS_NEEDED: Partial<Record<OwnKind, number>> = {
  'camera-network': 2,
  'box-unknown-device': 1,
  'camera-moved': 1,
};
/** A camera or a service that starts again raises nothing. Source: guess. */
const MIN_DURATION_S = 60;
/** Longest name of a camera that fits into the id of a point. */
const ID_MAX = 50;
const NAME_MAX = 80;

const schema = z.discriminatedUnion('kind', boxPoints);

/** The points of a configuration, and those of the box and its cameras that it neither names itself nor turns off. */
export function withOwnPoints<T extends Given>(config: T): T {
  const { alarms, points } = config;
  const taken = new Set(points.map(({ id }) => id));
  const own = alarms.boxPoints.flatMap((kind) => ofKind(kind, config)).filter(({ id }) => !taken.has(id));
  return { ...config, points: [...points, ...own] };
}

/** What a box watches before it has ever had a configuration: itself. */
export function unconfigured(): Given {
  const { alarms, points } = configurationSchema.parse({});
  return withOwnPoints({ alarms, points, segments: [], cameras: [] });
}

/** An entry of the kind takes the place of what would be there without one. */
function ofKind(kind: OwnKind, given: Given): PointConfig[] {
  const { points, cameras } = given;
  const entries = points.filter((point) => point.kind === kind);
  if (kind === 'camera-health') return healthOf(cameras, entries);
  if (entries.length > 0 || cameras.length < (CAMERAS_NEEDED[kind] ?? 0)) return [];
  const one = made({ id: `pt-${kind}`, name: NAMES[kind], kind, owner: 'metropole' });
  return kind === 'camera-network' ? [one, ...networksOf(given)] : [one];
}

/** One for each segment that cameras share: its fault is one alarm, and not one of each camera. */
function networksOf({ segments, cameras }: Given): PointConfig[] {
  const isShared = (id: string) => cameras.filter(({ segment }) => segment === id).length > 1;
  return segments
    .filter(({ id }) => isShared(id))
    .map(({ id, name }) =>
      made({
        id: `pt-segment-${shortened(id.slice('seg-'.length))}`,
        name: `${NAMES['camera-network']} : ${name}`.slice(0, NAME_MAX),
        kind: 'camera-network',
        segment: id,
        owner: 'metropole',
      }),
    );
}

/** One for each camera that no entry watches. */
function healthOf(cameras: Given['cameras'], entries: readonly PointConfig[]): PointConfig[] {
  const watched = entries.map((point) => ('camera' in point ? point.camera : undefined));
  if (entries.length > 0 && watched.includes(undefined)) return [];
  return cameras
    .filter(({ id }) => !watched.includes(id))
    .map(({ id, name, owner }) =>
      made({
        id: `pt-health-${shortened(id.slice('cam-'.length))}`,
        name: `${NAMES['camera-health']} : ${name}`.slice(0, NAME_MAX),
        kind: 'camera-health',
        camera: id,
        owner,
      }),
    );
}

function made(entry: object): PointConfig {
  return schema.parse({ minDurationS: MIN_DURATION_S, ...entry });
}

function shortened(name: string): string {
  if (name.length <= ID_MAX) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${name.slice(0, ID_MAX - 9)}-${hash}`;
}

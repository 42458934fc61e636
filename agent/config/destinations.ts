import { z } from 'zod';
import { credentials, host, minutes, name, port } from './words.ts';

const serverId = z
  .string()
  .regex(/^dst-[a-z0-9][a-z0-9-]{0,34}$/, 'expected dst- and a name in small letters');

/** The media topic of a camera at the broker, which every box has. */
export const BROKER = 'mqtt';

/** A media server of a centre, which records what cameras of this box send: ANNOUNCE and RECORD. */
export const mediaServer = z
  .strictObject({
    id: serverId,
    name,
    kind: z.literal('rtsp').default('rtsp').meta({ description: 'how pictures get there' }),
    host: host.meta({ description: 'address of the media server on the backbone' }),
    port: port.default(554),
    path: z
      .string()
      .startsWith('/')
      .max(256)
      .regex(/^[\x21-\x7e]*$/, 'expected ASCII without blanks')
      .default('/{site}/{camera}')
      .meta({
        description: 'path and query of a camera; {camera} stands for its id, {site} for the box',
      }),
    tls: z.boolean().default(false).meta({ description: 'RTSPS' }),
    certificateSha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits in small letters')
      .optional()
      .meta({
        description:
          'SHA-256 of the TLS certificate of the server: no other is believed; when absent, one that the authorities of the box file have signed is',
      }),
    credentials: credentials
      .optional()
      .meta({ description: 'absent where the server asks for none; digest, in clear only over TLS' }),
  })
  .refine(({ certificateSha256, tls }) => certificateSha256 === undefined || tls, {
    message: 'a pinned certificate needs "tls": true',
    path: ['certificateSha256'],
  });
export type MediaServerConfig = z.infer<typeof mediaServer>;

/** Where the pictures of one camera go, and when. */
export const cameraDestination = z.strictObject({
  to: z
    .union([z.literal(BROKER), serverId])
    .meta({ description: '`mqtt`, the media topic of the camera, or a media server of `mediaServers`' }),
  profile: z.enum(['main', 'sub']).default('main').meta({
    description: 'which stream of the camera it gets: the main one, or that of `substream`',
  }),
  hours: minutes.min(1).max(8).optional().meta({
    description:
      'cron expressions of five fields: it gets pictures in each minute that one of them names, Europe/Paris, such as one centre by day (`* 7-18 * * *`) and another by night; always when absent',
  }),
});
type CameraDestination = z.infer<typeof cameraDestination>;

/** The default: what a box without media servers does. */
const TO_BROKER: readonly CameraDestination[] = [{ to: BROKER, profile: 'main' }];

interface Forwarded {
  readonly regime: string;
  readonly substream?: object | undefined;
  readonly destinations?: readonly CameraDestination[] | undefined;
}

/** Where the pictures of a camera go, when the configuration says nothing else. */
export function destinationsOf({ destinations }: Forwarded): readonly CameraDestination[] {
  return destinations ?? TO_BROKER;
}

/** Says what the destinations of a camera cannot know by themselves. @returns the place in the list, and what is wrong */
export function destinationFaults(
  camera: Forwarded,
  servers: ReadonlySet<string>,
): [at: (string | number)[], message: string][] {
  const { regime, destinations = [] } = camera;
  if (regime === 'leased' && camera.destinations !== undefined)
    return [[[], 'a leased camera goes to the recipient of its lease alone']];
  return destinations.flatMap(({ to, profile }, index): [(string | number)[], string][] => {
    if (profile === 'sub' && camera.substream === undefined)
      return [[[index, 'profile'], 'the camera has no substream in this configuration']];
    if (destinations.findIndex((other) => other.to === to) < index)
      return [[[index, 'to'], 'this destination stands twice']];
    const known = to === BROKER || servers.has(to);
    return known ? [] : [[[index, 'to'], 'no media server of this configuration has this id']];
  });
}

/** Where a camera goes at a server. */
export function serverUrl(
  server: Pick<MediaServerConfig, 'host' | 'port' | 'path' | 'tls'>,
  site: string,
  camera: string,
): string {
  const { host: at, port: on, path, tls } = server;
  const filled = path.replaceAll('{site}', site).replaceAll('{camera}', camera);
  return `${tls ? 'rtsps' : 'rtsp'}://${at.includes(':') ? `[${at}]` : at}:${on}${filled}`;
}

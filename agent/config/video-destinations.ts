import type { BackboneOrder, VideoDestination } from '../contract/video-link.ts';
import { PRIORITIES } from '../contract/video-link-limits.ts';
import { BROKER, destinationsOf, serverUrl } from './destinations.ts';
import type { OpenedConfiguration, OpenedMediaServer } from './opened.ts';

/** Where each camera of the configuration goes with one of its streams, as the video process is told. */
export function videoDestinations(
  config: Pick<OpenedConfiguration, 'cameras' | 'mediaServers' | 'video'>,
  site: string,
  wanted: 'main' | 'sub',
): ReadonlyMap<string, VideoDestination[]> {
  const creditBytes = creditBytesOf(config);
  const servers = new Map(config.mediaServers.map((server) => [server.id, server]));
  return new Map(
    config.cameras.map((camera) => [
      camera.id,
      destinationsOf(camera).flatMap(({ to, profile, hours }): VideoDestination[] => {
        if (profile !== wanted) return [];
        const common = { id: to, creditBytes, ...(hours ? { hours } : {}) };
        if (to === BROKER) return [{ ...common, kind: 'mqtt' }];
        const server = servers.get(to);
        return server ? [{ ...common, ...atServer(server, site, camera.id) }] : [];
      }),
    ]),
  );
}

/** Most bytes that may wait for one destination of one camera, or for the recipient of a lease. */
export function creditBytesOf({ video }: Pick<OpenedConfiguration, 'video'>): number {
  return video.creditKb * 1024;
}

/** Who goes first on the backbone. Leased cameras are not among them: they go before all others. */
export function prioritiesOf(cameras: OpenedConfiguration['cameras']): BackboneOrder['cameras'] {
  return cameras.flatMap(({ id, regime, priority = PRIORITIES.usual }) =>
    regime === 'continuous' ? [{ camera: id, priority }] : [],
  );
}

function atServer(server: OpenedMediaServer, site: string, camera: string) {
  const { kind, credentials, certificateSha256 } = server;
  return {
    ...{ kind, url: serverUrl(server, site, camera) },
    ...(credentials ? { credentials } : {}),
    ...(certificateSha256 ? { certificateSha256 } : {}),
  };
}

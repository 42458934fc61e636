import type { PulledCamera, VideoCamera, VideoDestination } from '../contract/video-link.ts';
import type { CameraRegime } from './partners.ts';

/** Where a stream of a camera was found, under the regime that its camera had then. */
interface Source {
  readonly camera: string;
  readonly profile: VideoCamera['profile'];
  readonly regime: CameraRegime['regime'];
}

export interface PullListNeeds<S extends Source> {
  /** Of the configuration in force. */
  readonly regimes: ReadonlyMap<string, CameraRegime>;
  readonly destinations: Readonly<Record<VideoCamera['profile'], ReadonlyMap<string, VideoDestination[]>>>;
  /** Cameras whose metadata track is read. */
  readonly listened: ReadonlySet<string>;
  readonly cacheBytes: number;
  readonly pulledBy: (source: S) => PulledCamera;
}

/** What is pulled without a lease: streams of cameras that were continuous when they were found, and are now. */
export function pullList<S extends Source>(sources: readonly S[], needs: PullListNeeds<S>): VideoCamera[] {
  return sources.flatMap((source) => {
    const { camera, profile } = source;
    const regime = needs.regimes.get(camera);
    const destinations = needs.destinations[profile].get(camera) ?? [];
    const isWanted = profile === 'main' || destinations.length > 0;
    if (regime?.regime !== 'continuous' || source.regime !== 'continuous' || !isWanted) return [];
    const events = profile === 'main' && needs.listened.has(camera);
    const pull = { ...needs.pulledBy(source), profile, cacheBytes: needs.cacheBytes };
    return [{ ...pull, destinations, events, ...regime }];
  });
}

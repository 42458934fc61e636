import type { AlarmConfiguration, AlarmPoint, CameraPoint } from '../ports.ts';
import type { SourcePlan } from '../source.ts';
import { CameraSource, type CameraSourceNeeds } from './camera-source.ts';

/** The cameras to listen to: those that have points and take events. */
export function cameraPlans(needs: CameraSourceNeeds, { cameras, points }: AlarmConfiguration): SourcePlan[] {
  return cameras.flatMap((camera) => {
    const own = points.filter(isCameraPoint).filter((point) => point.camera === camera.id);
    if (own.length === 0 || !camera.onvif?.events) return [];
    const rules = own.map(({ id, kind, topics, input, inverted }) => [id, kind, topics, input, inverted]);
    return {
      id: camera.id,
      depends: JSON.stringify([camera, rules]),
      points: own,
      make: (listener) => new CameraSource(needs, { camera: camera.id, points: own }, listener),
    };
  });
}

function isCameraPoint(point: AlarmPoint): point is CameraPoint {
  return 'camera' in point && point.kind !== 'camera-health';
}

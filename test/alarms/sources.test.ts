import type { Test } from 'tap';
import { DeviceError } from '../../agent/base/errors.ts';
import type { TestClock } from '../support/test-clock.ts';
import { type Rig, sourceBehaviour } from './source-behaviour.ts';
import { CAMERA, POINT, ScriptedCamera } from './watch.ts';

const LOST = new DeviceError('camera-unreachable', 'cam-1: no answer');
/** Longest wait between two tries after a plain loss. */
const NEXT_TRY_MS = 31_000;

async function cameraRig(_: Test, clock: TestClock): Promise<Rig> {
  const camera = new ScriptedCamera();
  return {
    point: POINT.id,
    configuration: { points: [POINT], cameras: [CAMERA] },
    cause: 'camera-unreachable',
    camera,
    greet: async () => camera.input('1', false, 'Initialized'),
    say: async (active) => camera.input('1', active),
    lose: async () => {
      camera.refusal = LOST;
      await camera.lose(LOST);
    },
    comeBack: async (active) => {
      camera.refusal = undefined;
      await clock.advance(NEXT_TRY_MS);
      camera.input('1', active, 'Initialized');
    },
  };
}

sourceBehaviour('ONVIF events', cameraRig);

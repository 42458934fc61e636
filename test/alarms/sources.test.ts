import { setImmediate } from 'node:timers/promises';
import type { Test } from 'tap';
import { EventTracks } from '../../agent/alarms/onvif/event-tracks.ts';
import type { OpenedPanel } from '../../agent/alarms/ports.ts';
import { DeviceError } from '../../agent/base/errors.ts';
import { Dialler } from '../support/dialler.ts';
import { freePort } from '../support/port.ts';
import type { TestClock } from '../support/test-clock.ts';
import { type Rig, sourceBehaviour } from './source-behaviour.ts';
import { CAMERA, inputEvent, POINT, ScriptedCamera } from './watch.ts';

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

/** A camera whose stream carries its events, and whose subscriptions are never of use. */
async function trackRig(): Promise<Rig> {
  const camera = new ScriptedCamera();
  camera.refusal = LOST;
  const tracks = new EventTracks();
  tracks.expect(new Set([CAMERA.id]));
  const tell = async (state: boolean, operation: 'Initialized' | 'Changed') => {
    tracks.events(CAMERA.id, [inputEvent('1', state, operation)]);
    await setImmediate();
  };
  const begin = async (active: boolean) => {
    tracks.state(CAMERA.id, 'read');
    await tell(active, 'Initialized');
  };
  return {
    point: POINT.id,
    configuration: { points: [POINT], cameras: [CAMERA] },
    cause: 'camera-unreachable',
    ...{ camera, tracks },
    greet: () => begin(false),
    say: (active) => tell(active, 'Changed'),
    lose: async () => {
      tracks.state(CAMERA.id, 'lost');
      await setImmediate();
    },
    comeBack: begin,
  };
}

sourceBehaviour('ONVIF metadata track', trackRig);

/** A panel in clear that keeps its supervision time by what it says, and repeats nothing after a loss. */
async function panelRig(t: Test, clock: TestClock): Promise<Rig> {
  const port = await freePort();
  const dialler = new Dialler(t, port);
  let sequence = 0;
  let active = false;
  const send = async (call: { token: string; data?: string }) => {
    sequence += 1;
    await dialler.deliver({ account: '12345A', sequence: String(sequence).padStart(4, '0'), ...call });
  };
  const report = async (state: boolean) => {
    if (state === active) await send({ token: 'NULL' });
    else await send({ token: 'SIA-DCS', data: `#12345A|Nri1/${state ? 'BA' : 'BH'}5` });
    active = state;
  };
  return {
    point: 'pt-zone',
    configuration: {
      points: [
        { id: 'pt-zone', name: 'Zone', kind: 'panel-zone', panel: 'panel-a', account: '12345A', zone: '5' },
      ],
      cameras: [],
      panels: [panelOf(port)],
    },
    cause: 'panel-silent',
    greet: async () => {
      await dialler.deliver({
        token: 'SIA-DCS',
        account: '12345A',
        sequence: '9999',
        data: '#12345A|Nri1/BH5',
      });
    },
    say: report,
    lose: async () => await clock.advance(61_000),
    comeBack: report,
  };
}

function panelOf(port: number): OpenedPanel {
  return {
    id: 'panel-a',
    listen: { host: '127.0.0.1', port, tcp: true, udp: true },
    timeWindow: { pastS: 40, futureS: 20 },
    accounts: [{ account: '12345A', supervisionS: 60 }],
  };
}

sourceBehaviour('SIA DC-09 in clear', panelRig);

import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { createLog } from '../../agent/base/log.ts';
import { RtspDestination } from '../../agent/video/rtsp-destination.ts';
import { GstRecorder } from '../support/gst-recorder.ts';
import { destinationBehaves, numberOf, type Rig, type RigNeeds } from './destination-behaviour.ts';

const log = createLog('error', { write: () => undefined });

destinationBehaves(t, 'rtsp', rtspRig);

async function rtspRig(t: Test, { clock, events, creditBytes }: RigNeeds): Promise<Rig> {
  const recorder = await GstRecorder.start();
  t.teardown(() => recorder.kill());
  const destination = new RtspDestination(
    { clock, log, events, randomBytes, random: () => 0, authorities: async () => undefined },
    { id: 'dst-a', camera: 'cam-a', target: { url: recorder.url }, creditBytes },
  );
  return {
    destination,
    held: 0,
    received: async () =>
      recorder.pictures.flatMap(({ nals }) =>
        nals.flatMap(({ head }) => numberOf(Buffer.from(head, 'hex')) ?? []),
      ),
    stall: () => recorder.pause(),
    resume: () => recorder.resume(),
    cut: () => recorder.kill(),
    mend: () => recorder.restart(),
    refuse: async () => {
      const login = { user: 'nobody', password: 'Geheim-17' };
      const closed = await GstRecorder.start({ port: recorder.port, ...login });
      t.teardown(() => closed.kill());
      return ['destination-login-refused'];
    },
  };
}

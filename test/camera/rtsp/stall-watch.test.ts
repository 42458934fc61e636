import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import t from 'tap';
import { BeffroiError } from '../../../agent/base/errors.ts';
import { RtspConnection } from '../../../agent/camera/rtsp/connection.ts';
import { StallWatch } from '../../../agent/camera/rtsp/stall-watch.ts';
import { tcpState } from '../../../agent/camera/tcp-state.ts';
import { TestClock } from '../../support/test-clock.ts';
import { until } from '../../support/until.ts';

const STALL_MS = 3_000;

t.test('stall: what has come and was not read is our own fault, and not that of the camera', async (t) => {
  const server = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[far]] = await Promise.all([once(server, 'connection'), once(near, 'connect')]);
  t.teardown(() => [near.destroy(), far.destroy(), server.close()]);
  const clock = new TestClock();
  const connection = new RtspConnection('cam-a', near, clock);
  const endOf = async () => {
    const watch = new StallWatch(
      {
        ...{ camera: 'cam-a', clock, connection, ask: async () => undefined, heardMs: () => 0 },
        ...{ isUdpDeaf: () => false, lastUnitMs: () => undefined, besides: () => STALL_MS },
      },
      STALL_MS,
    );
    const ended = watch.run(new AbortController().signal).then(
      () => undefined,
      (thrown: unknown) => (thrown instanceof BeffroiError ? thrown : undefined),
    );
    let end: { error: BeffroiError | undefined } | undefined;
    void ended.then((error) => (end = { error }));
    await until(async () => {
      await clock.advance(500);
      return end !== undefined;
    });
    return end?.error;
  };
  t.match(await endOf(), { code: 'camera-stalled', message: /answers nothing/ });
  near.pause();
  // More than the stream takes into its own memory before it leaves the rest to the kernel.
  far.write(Buffer.alloc(1_000_000));
  const ends = connection.ends as NonNullable<RtspConnection['ends']>;
  await until(async () => ((await tcpState(ends))?.unreadBytes ?? 0) > 0);
  t.match(await endOf(), {
    code: 'video-process-late',
    message: /no picture for 3000 ms; \d+ bytes of it have come and are not read/,
  });
});

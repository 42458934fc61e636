import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { rtspLength } from './packets.ts';

/** A connection to a camera of the bench that plays: what comes from now on is interleaved RTP and RTCP. */
export interface Playing {
  readonly socket: Socket;
  /** What came behind the answer to PLAY already. */
  readonly first: Buffer;
}

/** Asks a camera without login to play, in as few words as RTSP allows. */
export async function play(url: string): Promise<Playing> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  await ask(socket, `DESCRIBE ${url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n`);
  const transport = 'Transport: RTP/AVP/TCP;unicast;interleaved=0-1';
  const setup = await ask(socket, `SETUP ${url}/stream=0 RTSP/1.0\r\nCSeq: 2\r\n${transport}\r\n\r\n`);
  const session = /^Session: ([^;\r]+)/im.exec(setup.head)?.[1] ?? '';
  const { rest } = await ask(socket, `PLAY ${url} RTSP/1.0\r\nCSeq: 3\r\nSession: ${session}\r\n\r\n`);
  return { socket, first: rest };
}

/** Resolves with the answer and what came behind it; from then on the socket is paused. */
function ask(socket: Socket, request: string): Promise<{ head: string; rest: Buffer }> {
  return new Promise((resolve) => {
    let all = Buffer.alloc(0);
    const take = (chunk: Buffer) => {
      all = Buffer.concat([all, chunk]);
      const length = rtspLength(all);
      if (length === undefined || length > all.length) return;
      socket.off('data', take).pause();
      resolve({ head: all.toString('latin1', 0, length), rest: all.subarray(length) });
    };
    socket.on('data', take).resume();
    socket.write(request);
  });
}

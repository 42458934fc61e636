import { asBeffroiError, DeviceError } from '../../base/errors.ts';
import { Login } from '../auth/digest.ts';
import type { Permit, VideoTrack } from '../types.ts';
import { isOk, RtspClient } from './client.ts';
import { RtspConnection } from './connection.ts';
import { type Address, baseUrl, parseAddress } from './control-url.ts';
import { parsePublic } from './fields.ts';
import { type DescribedMetadata, type DescribedVideo, findMetadata, findVideo } from './sdp.ts';
import { openSocket } from './socket.ts';
import { abortable, type StreamNeeds, type StreamOptions, type StreamTarget } from './stream.ts';

/** What one conversation with a camera needs. */
export interface Conversation {
  readonly target: StreamTarget;
  readonly permit: Permit;
  readonly needs: StreamNeeds;
  readonly options: StreamOptions;
}

/** An open connection to a camera and what DESCRIBE said. */
export interface Described {
  readonly address: Address;
  readonly connection: RtspConnection;
  readonly client: RtspClient;
  /** The methods that the camera offers; empty when it does not say. */
  readonly methods: ReadonlySet<string>;
  /** What the controls of the description are relative to. */
  readonly base: string;
  readonly video: DescribedVideo;
  /** Undefined when there is none that can be read. */
  readonly metadata: DescribedMetadata | undefined;
}

/**
 * What the camera says of its video, without SETUP and PLAY: for checks, and for cameras that may not be pulled.
 * The permit stays the caller's to release.
 * @throws DeviceError, PeerProtocolError; see the `camera-…` codes; the signal's reason when it aborts
 */
export async function describeStream(
  target: StreamTarget,
  permit: Permit,
  needs: StreamNeeds,
  options: StreamOptions,
  signal: AbortSignal,
): Promise<VideoTrack> {
  return withCamera({ target, permit, needs, options }, signal, async ({ video }) => video.track);
}

/** Opens, describes, runs `work` and closes. Rejects with the signal's reason when it aborts, else a `BeffroiError`. */
export async function withCamera<T>(
  conversation: Conversation,
  signal: AbortSignal,
  work: (described: Described) => Promise<T>,
): Promise<T> {
  const { target, needs, options } = conversation;
  let connection: RtspConnection | undefined;
  try {
    const address = parseAddress(target.camera, target.url);
    const { addresses } = conversation.permit;
    const pin = addresses ? { addresses } : {};
    const socketNeeds = { ...target, ...pin, clock: needs.clock, timeoutMs: options.connectTimeoutMs };
    const socket = await openSocket(address, socketNeeds, signal);
    connection = new RtspConnection(target.camera, socket, needs.clock);
    return await work(await abortable(describe(conversation, address, connection), signal));
  } catch (thrown) {
    signal.throwIfAborted();
    throw asBeffroiError(thrown);
  } finally {
    connection?.close();
  }
}

async function describe(
  { target, permit, needs, options }: Conversation,
  address: Address,
  connection: RtspConnection,
): Promise<Described> {
  const { camera, credentials, certificateSha256 } = target;
  const { url, encrypted } = address;
  const peerKnown = encrypted && certificateSha256 !== undefined;
  const loginOptions = { camera, peerKnown, randomBytes: needs.randomBytes };
  const login = credentials ? { login: new Login(credentials, loginOptions) } : {};
  const { requestTimeoutMs } = options;
  const client = new RtspClient({ camera, connection, permit, requestTimeoutMs, ...login });
  const offer = await client.request('OPTIONS', url);
  const methods = isOk(offer) ? parsePublic(offer.headers) : new Set<string>();
  const reply = await client.expectOk('DESCRIBE', url, [['Accept', 'application/sdp']]);
  const sdp = reply.body.toString('utf8');
  const video = findVideo(sdp);
  if (!video) {
    throw new DeviceError(
      'camera-no-video',
      `${camera}: expected a video track in H.264 or H.265, none is described`,
    );
  }
  const base = baseUrl(address, reply.headers);
  return { address, connection, client, methods, base, video, metadata: findMetadata(sdp) };
}

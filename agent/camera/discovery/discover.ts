import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Clock } from '../../base/clock.ts';
import { deadline } from '../../base/deadline.ts';
import { systemCode } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { type SeenDevice, seenDevice } from './device.ts';
import { type Ignored, Listening } from './listening.ts';
import { neighbours } from './neighbours.ts';
import type { Networks } from './networks.ts';
import { probeMessage, WANTED_TYPES } from './probe-message.ts';

/** @see WS-Discovery (April 2005) §2.4, IPv4 */
const GROUP = '239.255.255.250';
const PORT = 3702;
/** Not beyond the next router. */
const TTL = 1;
/** When each question is asked, ms from the begin: UDP loses. @see SOAP-over-UDP §3.4; the third is a guess */
const ASK_AT_MS = [0, 150, 1_000] as const;
/** Known addresses that are asked one by one. */
const MAX_KNOWN = 512;
/** Between two of them: no burst on a slow link. Source: guess. */
const KNOWN_PACE_MS = 2;

/** What may wait while other answers are read; the system may grant less. Source: guess. */
const RECEIVE_BYTES = 1 << 20;

/** How long answers are waited for. Source: guess; slow cameras take 3 s although they may take 0.5 (APP_MAX_DELAY). */
const LISTEN_MS = 4_000;

export interface DiscoverNeeds {
  readonly clock: Clock;
  readonly log: Log;
  /** Makes the UUID of a question. */
  readonly newId: () => string;
}

export interface DiscoverOptions {
  readonly networks: Networks;
  /** IPv4 addresses that are asked directly, and believed, wherever they are. */
  readonly known: readonly string[];
  readonly listenMs?: number;
}

/** What a look at the network gave. */
export interface Discovery {
  readonly devices: readonly SeenDevice[];
  /** Own addresses from which the networks could be asked. */
  readonly askedFrom: readonly string[];
  readonly ignored: Ignored;
}

/**
 * Asks who is there, by WS-Discovery: one multicast question on each own interface of the networks, one to each known
 * address. Only answers to these questions are read, only from these networks and addresses, within bounds; no address
 * that an answer names is contacted.
 * @throws the reason of `signal` when it aborts
 * @see ONVIF Core §7.3
 */
export async function discover(
  needs: DiscoverNeeds,
  { networks, known, listenMs = LISTEN_MS }: DiscoverOptions,
  signal: AbortSignal,
): Promise<Discovery> {
  const hosts = new Set(known.slice(0, MAX_KNOWN));
  const questions = WANTED_TYPES.map((types) => ({ id: needs.newId(), types }));
  const listening = new Listening({
    ...needs,
    isAllowed: (address) => networks.has(address) || hosts.has(address),
    questions: questions.map(({ id }) => id),
  });
  const messages = questions.map(({ id, types }) => Buffer.from(probeMessage(id, types)));
  const round = new Round(needs, messages, listening);
  try {
    const askedFrom = await round.open(networks, hosts.size > 0);
    await round.ask([...hosts], listenMs, signal);
    const [found, macs] = [await listening.found(), await neighbours()];
    const devices = found.map(({ address, match }) => seenDevice(match, address, macs.get(address)));
    return { devices, askedFrom, ignored: listening.ignored };
  } finally {
    round.close();
  }
}

/** The sockets of one look at the network. */
class Round {
  readonly #needs: DiscoverNeeds;
  readonly #messages: readonly Buffer[];
  readonly #listening: Listening;
  readonly #multicast: Socket[] = [];
  #direct: Socket | undefined;

  constructor(needs: DiscoverNeeds, messages: readonly Buffer[], listening: Listening) {
    this.#needs = needs;
    this.#messages = messages;
    this.#listening = listening;
  }

  /** @returns the own addresses from which the networks are asked */
  async open(networks: Networks, hasKnown: boolean): Promise<string[]> {
    const asked: string[] = [];
    for (const { address } of networks.own) {
      const socket = await this.#opened(address);
      if (!socket) continue;
      this.#multicast.push(socket);
      asked.push(address);
    }
    if (hasKnown) this.#direct = await this.#opened('0.0.0.0');
    return asked;
  }

  async ask(hosts: readonly string[], listenMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#needs;
    const startMs = clock.monotonicMs();
    for (const atMs of ASK_AT_MS.filter((each) => each < listenMs)) {
      await clock.sleep(Math.max(0, startMs + atMs - clock.monotonicMs()), signal);
      for (const socket of this.#multicast) this.#send(socket, GROUP);
      await this.#askKnown(hosts, deadline(startMs + listenMs - clock.monotonicMs(), signal), signal);
    }
    await clock.sleep(Math.max(0, startMs + listenMs - clock.monotonicMs()), signal);
  }

  close(): void {
    for (const socket of [...this.#multicast, this.#direct]) socket?.close();
  }

  async #askKnown(hosts: readonly string[], until: AbortSignal, signal: AbortSignal): Promise<void> {
    for (const host of this.#direct ? hosts : []) {
      if (until.aborted) break;
      this.#send(this.#direct as Socket, host);
      await this.#needs.clock.sleep(KNOWN_PACE_MS, signal);
    }
  }

  async #opened(address: string): Promise<Socket | undefined> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BYTES });
    socket.on('message', (bytes, from) => this.#listening.take(bytes, from.address));
    try {
      socket.bind({ address, port: 0, exclusive: true });
      await once(socket, 'listening');
      if (address !== '0.0.0.0') socket.setMulticastInterface(address);
      socket.setMulticastTTL(TTL);
      socket.on('error', () => undefined);
      return socket;
    } catch (error) {
      socket.close();
      this.#needs.log.warn({ address, why: systemCode(error) }, 'discovery: cannot ask from this address');
      return undefined;
    }
  }

  /** What cannot be sent is asked again in the next round. */
  #send(socket: Socket, to: string): void {
    for (const message of this.#messages) socket.send(message, PORT, to, () => undefined);
  }
}

import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

/** What an odd broker does with a PUBLISH: takes it, at once or when told, answers with this reason code, closes, or says nothing. */
export type Answer = 'take' | 'hold' | 'close' | 'nothing' | number;

export interface Published {
  readonly topic: string;
  readonly payload: string;
  readonly connection: number;
}

/** In CONNECT, behind the name of the protocol. @see MQTT 5 §3.1.2.2 */
const PROTOCOL_LEVEL_AT = 6;

/** An MQTT 5 server on loopback that does what real brokers do on their bad days. Knows QoS 1 below 128 KB. */
export class OddBroker {
  readonly url: string;
  /** Every PUBLISH that it took, in order. */
  readonly taken: Published[] = [];
  connections = 0;
  /** True closes each connection right after its CONNACK. */
  closesAtOnce = false;
  /** Most messages that were without PUBACK. */
  mostHeld = 0;
  readonly #held: { readonly message: Published; readonly acknowledge: () => void }[] = [];
  readonly #receiveMaximum: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #decide: (message: Published) => Answer;
  readonly #looks = new Set<() => void>();

  private constructor(server: Server, port: number, decide: (message: Published) => Answer, most: number) {
    this.#receiveMaximum = most;
    this.#server = server;
    this.#decide = decide;
    this.url = `mqtt://127.0.0.1:${port}`;
    server.on('connection', (socket) => this.#serve(socket));
  }

  static async start(decide: (message: Published) => Answer, receiveMaximum = 65_535): Promise<OddBroker> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    return new OddBroker(server, port, decide, receiveMaximum);
  }

  /** Resolves as soon as this is true; looked at after each message. */
  async until(done: (taken: readonly Published[]) => boolean): Promise<void> {
    if (done(this.taken)) return;
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!done(this.taken)) return;
        this.#looks.delete(look);
        resolve();
      };
      this.#looks.add(look);
    });
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** Sends the PUBACK of the oldest held message of this kind. */
  release(fits: (message: Published) => boolean): void {
    const at = this.#held.findIndex(({ message }) => fits(message));
    const [one] = at < 0 ? [] : this.#held.splice(at, 1);
    one?.acknowledge();
  }

  #connack(): Buffer {
    const properties = Buffer.from([0x21, this.#receiveMaximum >> 8, this.#receiveMaximum & 0xff]);
    return Buffer.concat([Buffer.from([0x20, 3 + properties.length, 0, 0, properties.length]), properties]);
  }

  #serve(socket: Socket): void {
    const connection = this.connections;
    this.connections += 1;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (let packet = takePacket(rest); packet; packet = takePacket(rest)) {
        rest = packet.rest;
        if (!socket.destroyed) this.#answer(socket, packet, connection);
      }
    });
  }

  #answer(socket: Socket, { first, body }: Packet, connection: number): void {
    const type = first >> 4;
    if (type === 1) this.#accept(socket, body);
    else if (type === 8) socket.write(suback(body));
    else if (type === 12) socket.write(Buffer.from([0xd0, 0]));
    else if (type === 3) this.#publish(socket, body, connection);
  }

  #accept(socket: Socket, connect: Buffer): void {
    const isOld = connect[PROTOCOL_LEVEL_AT] !== 5;
    if (isOld) socket.end(Buffer.from([0x20, 2, 0, 0]));
    else if (this.closesAtOnce) socket.end(this.#connack());
    else socket.write(this.#connack());
    for (const look of [...this.#looks]) look();
  }

  #publish(socket: Socket, body: Buffer, connection: number): void {
    const topicEnd = 2 + body.readUInt16BE(0);
    const id = body.subarray(topicEnd, topicEnd + 2);
    const payload = body.subarray(topicEnd + 3).toString();
    const message = { topic: body.subarray(2, topicEnd).toString(), payload, connection };
    const answer = this.#decide(message);
    if (answer === 'close') socket.destroy();
    else if (answer === 'hold') {
      this.taken.push(message);
      const acknowledge = () => socket.write(Buffer.concat([Buffer.from([0x40, 2]), id]));
      this.mostHeld = Math.max(this.mostHeld, this.#held.push({ message, acknowledge }));
    } else if (answer === 'take') {
      this.taken.push(message);
      socket.write(Buffer.concat([Buffer.from([0x40, 2]), id]));
    } else if (answer !== 'nothing')
      socket.write(Buffer.concat([Buffer.from([0x40, 3]), id, Buffer.from([answer])]));
    for (const look of [...this.#looks]) look();
  }
}

interface Packet {
  readonly first: number;
  readonly body: Buffer;
  readonly rest: Buffer;
}

function takePacket(bytes: Buffer): Packet | undefined {
  let length = 0;
  for (let at = 1; at < bytes.length; at += 1) {
    const byte = bytes.readUInt8(at);
    length += (byte & 0x7f) * 128 ** (at - 1);
    if (byte & 0x80) continue;
    const end = at + 1 + length;
    if (bytes.length < end) return undefined;
    return { first: bytes.readUInt8(0), body: bytes.subarray(at + 1, end), rest: bytes.subarray(end) };
  }
  return undefined;
}

/** Grants QoS 1 for each filter. */
function suback(body: Buffer): Buffer {
  let filters = 0;
  for (let at = 3 + body.readUInt8(2); at < body.length; at += 3 + body.readUInt16BE(at)) filters += 1;
  const content = Buffer.concat([body.subarray(0, 2), Buffer.from([0]), Buffer.alloc(filters, 1)]);
  return Buffer.concat([Buffer.from([0x90, content.length]), content]);
}

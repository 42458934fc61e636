import { connect, type Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { type BeffroiError, DeviceError, PeerProtocolError, systemCode } from '../../base/errors.ts';
import { limited } from '../../base/limit.ts';
import { quoted } from '../../base/text.ts';

/** Equipment of a building that answers questions over TCP. */
export interface Equipment {
  /** Its id in the configuration, for messages. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

/** Puts one answer together from what arrives. It bounds what it keeps. */
export interface AnswerReader<T> {
  /**
   * @returns the answer when this chunk ends it
   * @throws PeerProtocolError when the bytes can be no answer, or go on after its end
   */
  push(chunk: Buffer): T | undefined;
}

/** A connection on which one question waits for one answer. Whatever goes wrong ends it for good. */
export class Channel {
  readonly #equipment: Equipment;
  readonly #clock: Clock;
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  #failure: BeffroiError | undefined;
  #waiting: { data(chunk: Buffer): void; fail(error: BeffroiError): void } | undefined;

  private constructor(equipment: Equipment, clock: Clock, socket: Socket, timeoutMs: number) {
    this.#equipment = equipment;
    this.#clock = clock;
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    socket.on('data', (chunk: Buffer) => this.#arrived(chunk));
    socket.on('error', (cause: Error) => this.#fail(closed(equipment, cause)));
    socket.on('close', () => this.#fail(closed(equipment, undefined)));
  }

  /**
   * @param timeoutMs for the connection, and for each answer
   * @throws DeviceError `equipment-port-closed`, `equipment-unreachable`
   */
  static async open(
    equipment: Equipment,
    clock: Clock,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<Channel> {
    const { id, host, port } = equipment;
    const socket = connect({ host, port, noDelay: true, keepAlive: true });
    socket.on('error', () => undefined);
    const late = () =>
      new DeviceError('equipment-unreachable', `${place(equipment)}: no answer within ${timeoutMs} ms`);
    try {
      await limited(clock, timeoutMs, signal, late, () => connected(socket, equipment));
      return new Channel({ id, host, port }, clock, socket, timeoutMs);
    } catch (thrown) {
      socket.destroy();
      throw thrown;
    }
  }

  /**
   * Sends a question and waits for its answer. One at a time.
   * @throws DeviceError `equipment-silent`, `equipment-closed`; PeerProtocolError of the reader
   */
  async ask<T>(question: Buffer, reader: AnswerReader<T>, signal: AbortSignal): Promise<T> {
    if (this.#failure) throw this.#failure;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting = { data: (chunk) => this.#read(reader, chunk, resolve), fail: reject };
    try {
      this.#socket.write(question);
      return await limited(
        this.#clock,
        this.#timeoutMs,
        signal,
        () => this.#late(),
        () => promise,
      );
    } catch (thrown) {
      this.close();
      throw thrown;
    } finally {
      this.#waiting = undefined;
    }
  }

  close(): void {
    this.#failure ??= closed(this.#equipment, undefined);
    this.#socket.destroy();
  }

  #read<T>(reader: AnswerReader<T>, chunk: Buffer, resolve: (answer: T) => void): void {
    const answer = reader.push(chunk);
    if (answer === undefined) return;
    this.#waiting = undefined;
    resolve(answer);
  }

  #arrived(chunk: Buffer): void {
    try {
      if (!this.#waiting) throw this.#unasked();
      this.#waiting.data(chunk);
    } catch (thrown) {
      this.#fail(thrown as BeffroiError);
    }
  }

  #fail(error: BeffroiError): void {
    this.#failure ??= error;
    this.#socket.destroy();
    this.#waiting?.fail(this.#failure);
  }

  #late(): BeffroiError {
    return new DeviceError(
      'equipment-silent',
      `${place(this.#equipment)}: expected an answer within ${this.#timeoutMs} ms`,
    );
  }

  #unasked(): BeffroiError {
    return new PeerProtocolError(
      'equipment-protocol',
      `${place(this.#equipment)}: bytes came that nothing had asked for`,
    );
  }
}

function connected(socket: Socket, equipment: Equipment): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once('connect', resolve);
  socket.once('error', (cause) => reject(unreachable(equipment, cause)));
  return promise;
}

function unreachable(equipment: Equipment, cause: Error): DeviceError {
  const code = systemCode(cause);
  return code === 'ECONNREFUSED'
    ? new DeviceError('equipment-port-closed', `${place(equipment)} refuses the connection`, { cause })
    : new DeviceError('equipment-unreachable', `${place(equipment)}: ${code ?? 'connection failed'}`, {
        cause,
      });
}

function closed(equipment: Equipment, cause: Error | undefined): DeviceError {
  const why = systemCode(cause) ?? 'closed';
  const options = cause ? { cause } : {};
  return new DeviceError('equipment-closed', `${place(equipment)}: the connection was cut: ${why}`, options);
}

function place({ id, host, port }: Equipment): string {
  return `${id} at ${quoted(`${host}:${port}`)}`;
}

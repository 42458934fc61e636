import type { Socket } from 'node:net';
import { asError, InternalError } from '../base/errors.ts';
import type { ShapeCheck } from '../contract/shape.ts';
import { MAX_LINE_BYTES } from '../contract/video-link-limits.ts';

/** A peer that does not read is cut when this much waits for it, bytes. Source: guess; two full lines. */
const MAX_WAITING_BYTES = 2 * MAX_LINE_BYTES;

export interface LineShapes<In, Out> {
  readonly incoming: ShapeCheck<In>;
  readonly outgoing: ShapeCheck<Out>;
}

export interface LineHandlers<In> {
  message(message: In): void;
  /** Called once, when nothing more comes or goes. */
  closed(why: Error): void;
}

/** One JSON object per line over a socket, checked against the schemas in both directions. */
export class LineSocket<In, Out> {
  readonly #socket: Socket;
  readonly #shapes: LineShapes<In, Out>;
  readonly #handlers: LineHandlers<In>;
  #parts: Buffer[] = [];
  #partBytes = 0;
  #ended = false;

  constructor(socket: Socket, shapes: LineShapes<In, Out>, handlers: LineHandlers<In>) {
    this.#socket = socket;
    this.#shapes = shapes;
    this.#handlers = handlers;
    socket.on('data', (data: Buffer) => this.#take(data));
    socket.on('error', (error) => this.end(error));
    socket.on('close', () => this.end(new InternalError('internal', 'the peer closed the link')));
  }

  /** Does nothing after the end. */
  send(message: Out): void {
    if (this.#ended) return;
    this.#socket.write(`${JSON.stringify(valid(this.#shapes.outgoing.check(message)))}\n`);
    if (this.#socket.writableLength > MAX_WAITING_BYTES) {
      this.end(new InternalError('internal', 'the peer of the link does not read'));
    }
  }

  /** Closes the link; idempotent. */
  end(why: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#parts = [];
    this.#socket.destroySoon();
    this.#handlers.closed(why);
  }

  #take(data: Buffer): void {
    let rest = data;
    for (let at = rest.indexOf(10); at >= 0 && !this.#ended; at = rest.indexOf(10)) {
      const line = Buffer.concat([...this.#parts, rest.subarray(0, at)]);
      this.#parts = [];
      this.#partBytes = 0;
      rest = rest.subarray(at + 1);
      this.#line(line);
    }
    this.#keep(rest);
  }

  #keep(rest: Buffer): void {
    if (this.#ended || rest.length === 0) return;
    this.#parts.push(rest);
    this.#partBytes += rest.length;
    if (this.#partBytes > MAX_LINE_BYTES) {
      this.end(new InternalError('internal', `a line of the link is above ${MAX_LINE_BYTES} bytes`));
    }
  }

  /** A message that breaks the schema ends the link: the peer is of another version, or no peer at all. */
  #line(line: Buffer): void {
    const message = this.#parse(line);
    if (message instanceof Error) this.end(message);
    else this.#handlers.message(message.value);
  }

  #parse(line: Buffer): { value: In } | Error {
    try {
      return { value: valid(this.#shapes.incoming.check(JSON.parse(line.toString('utf8')))) };
    } catch (thrown) {
      if (thrown instanceof InternalError) return thrown;
      return new InternalError('internal', 'a line of the link is not JSON', { cause: asError(thrown) });
    }
  }
}

/** @throws InternalError */
function valid<T>(checked: { readonly value: T } | { readonly faults: readonly string[] }): T {
  if ('value' in checked) return checked.value;
  const faults = checked.faults.slice(0, 5).join('; ');
  throw new InternalError('internal', `a message of the link breaks its schema: ${faults}`);
}

import { DeviceError, PeerProtocolError } from '../../base/errors.ts';
import type { AnswerReader } from '../equipment/channel.ts';

/**
 * Modbus TCP: function 02, read discrete inputs.
 * @see MODBUS Messaging on TCP/IP Implementation Guide V1.0b §3.1.3 (MBAP header),
 *   MODBUS Application Protocol Specification V1.1b3 §6.2 and §7 (exceptions)
 */

/** Inputs that one question may ask for. */
export const INPUTS_MAX = 2000;
const HEADER_BYTES = 7;
const READ_DISCRETE_INPUTS = 0x02;
const EXCEPTION = 0x80;
const PROTOCOL_MODBUS = 0;
/** Unit and protocol data unit: 1 + 253 at most; the shortest answer is an exception. */
const LENGTH_MIN = 3;
const LENGTH_MAX = 254;

export interface ReadRequest {
  readonly transaction: number;
  readonly unit: number;
  /** Zero-based: the input that makers print as 10001 is 0. */
  readonly address: number;
  readonly count: number;
}

const EXCEPTIONS: Readonly<Record<number, string>> = {
  1: 'illegal function: the module reads no discrete inputs',
  2: 'illegal data address: the module has no such input',
  3: 'illegal data value: the module takes no such number of inputs',
  4: 'server device failure',
  5: 'acknowledge: the module needs more time',
  6: 'server device busy',
  8: 'memory parity error',
  10: 'gateway path unavailable: the gateway does not reach the unit',
  11: 'gateway target device failed to respond: nothing answers as this unit',
};

/** The module answered, and the answer is no. The connection is as good as before. */
export class ModbusExceptionError extends DeviceError {
  constructor(module: string, { unit, address, count }: ReadRequest, code: number) {
    const meaning = EXCEPTIONS[code] ?? 'unknown';
    super(
      'module-exception',
      `${module}: unit ${unit} refused inputs ${address} to ${address + count - 1}: exception ${code}, ${meaning}`,
    );
  }
}

export function encodeRead({ transaction, unit, address, count }: ReadRequest): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16BE(transaction, 0);
  bytes.writeUInt16BE(PROTOCOL_MODBUS, 2);
  bytes.writeUInt16BE(6, 4);
  bytes.writeUInt8(unit, 6);
  bytes.writeUInt8(READ_DISCRETE_INPUTS, 7);
  bytes.writeUInt16BE(address, 8);
  bytes.writeUInt16BE(count, 10);
  return bytes;
}

/** Reads the one answer to a question: the states of the inputs in order, or the exception. */
export class ReadAnswer implements AnswerReader<boolean[] | ModbusExceptionError> {
  readonly #module: string;
  readonly #request: ReadRequest;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(module: string, request: ReadRequest) {
    this.#module = module;
    this.#request = request;
  }

  push(chunk: Buffer): boolean[] | ModbusExceptionError | undefined {
    // Never more than one answer is kept: what is longer is refused below, by its header or by its end.
    this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(0, HEADER_BYTES + LENGTH_MAX)]);
    if (this.#bytes.length < HEADER_BYTES) return undefined;
    const end = HEADER_BYTES - 1 + this.#length();
    if (this.#bytes.length < end) return undefined;
    if (this.#bytes.length > end) throw this.#bad(`expected ${end} bytes, more came`);
    return this.#answer(this.#bytes.subarray(HEADER_BYTES));
  }

  /** The length that a good header says. */
  #length(): number {
    const { transaction, unit } = this.#request;
    this.#expect('transaction', this.#bytes.readUInt16BE(0), transaction);
    this.#expect('protocol', this.#bytes.readUInt16BE(2), PROTOCOL_MODBUS);
    this.#expect('unit', this.#bytes.readUInt8(6), unit);
    const length = this.#bytes.readUInt16BE(4);
    if (length < LENGTH_MIN || length > LENGTH_MAX)
      throw this.#bad(`expected a length of ${LENGTH_MIN} to ${LENGTH_MAX}, came ${length}`);
    return length;
  }

  #answer(pdu: Buffer): boolean[] | ModbusExceptionError {
    const code = pdu.readUInt8(0);
    if (code === (READ_DISCRETE_INPUTS | EXCEPTION)) return this.#exception(pdu);
    this.#expect('function', code, READ_DISCRETE_INPUTS);
    const expected = Math.ceil(this.#request.count / 8);
    this.#expect('byte count', pdu.readUInt8(1), expected);
    this.#expect('number of data bytes', pdu.length - 2, expected);
    return bits(pdu.subarray(2), this.#request.count);
  }

  #exception(pdu: Buffer): ModbusExceptionError {
    this.#expect('length of an exception', pdu.length, 2);
    return new ModbusExceptionError(this.#module, this.#request, pdu.readUInt8(1));
  }

  #expect(what: string, came: number, expected: number): void {
    if (came !== expected) throw this.#bad(`expected ${what} ${expected}, came ${came}`);
  }

  #bad(why: string): PeerProtocolError {
    return new PeerProtocolError('equipment-protocol', `${this.#module}: answer of Modbus: ${why}`);
  }
}

/** The first input is the lowest bit of the first byte; the bits that fill the last byte up mean nothing. */
function bits(bytes: Buffer, count: number): boolean[] {
  return Array.from({ length: count }, (_, index) => (((bytes[index >> 3] ?? 0) >> (index & 7)) & 1) === 1);
}

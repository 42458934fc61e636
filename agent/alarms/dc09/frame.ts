import { crc16 } from './crc.ts';

/** One message of DC-09 on the wire. @see ANSI/SIA DC-09 §5.5.1 */
export interface Frame {
  /** `SIA-DCS`, `ADM-CID`, `NULL`, `ACK`, `NAK`, `DUH`, …; without the star of an encrypted one. */
  readonly token: string;
  readonly encrypted: boolean;
  /** Four decimal digits; a repetition has the number of the first. */
  readonly sequence: string;
  /** Hexadecimal digits after `R`; undefined without that field. */
  readonly receiver?: string | undefined;
  /** Hexadecimal digits after `L`, which some panels leave empty. */
  readonly line: string;
  /** Hexadecimal, capital letters; undefined where there is none, as in NAK. */
  readonly account?: string | undefined;
  /** From the first bracket to the end, one character per byte. */
  readonly content: string;
  /** Panels of Lupus write the two bytes of the CRC as they are, and want them back like that. */
  readonly crcForm: 'text' | 'binary';
}

export type BadFrame = 'not a frame' | 'wrong length' | 'wrong CRC' | 'unreadable header';

/** Most bytes from the first quote on: what three hexadecimal digits can say. */
export const MAX_BODY_BYTES = 0xfff;
/** CRC and length before the body. */
const HEAD_BYTES = { text: 8, binary: 6 } as const;

const BODY =
  /^"(\*?)([A-Z][A-Z0-9-]{1,15})"([0-9]{4})(?:R([0-9A-Fa-f]{0,6}))?L([0-9A-Fa-f]{0,6})(?:#([0-9A-Fa-f]{3,16}))?(\[.*)$/s;

/** @param bytes everything between LF and CR */
export function readFrame(bytes: Buffer): Frame | BadFrame {
  const crcForm = crcFormOf(bytes);
  if (!crcForm) return 'not a frame';
  if (!hasStatedLength(bytes)) return 'wrong length';
  const body = bytes.subarray(HEAD_BYTES[crcForm]);
  if (statedCrc(bytes, crcForm) !== crc16(body)) return 'wrong CRC';
  const match = BODY.exec(body.toString('latin1'));
  if (!match) return 'unreadable header';
  const [, star, token = '', sequence = '', receiver, line = '', account, content = ''] = match;
  return {
    token,
    encrypted: star === '*',
    sequence,
    receiver,
    line,
    account: account?.toUpperCase(),
    content,
    crcForm,
  };
}

/** Whether the body is as long as the head says. @param bytes everything between LF and CR */
export function hasStatedLength(bytes: Buffer): boolean {
  const crcForm = crcFormOf(bytes);
  if (!crcForm) return false;
  const head = HEAD_BYTES[crcForm];
  return Number.parseInt(bytes.toString('latin1', head - 4, head), 16) === bytes.length - head;
}

/** The bytes on the wire, LF and CR included. */
export function writeFrame(frame: Frame): Buffer {
  const { token, encrypted, sequence, receiver, line, account, content } = frame;
  const from = receiver === undefined ? '' : `R${receiver}`;
  const to = account === undefined ? '' : `#${account}`;
  const text = `"${encrypted ? '*' : ''}${token}"${sequence}${from}L${line}${to}${content}`;
  const body = Buffer.from(text, 'latin1');
  const crc = Buffer.alloc(2);
  crc.writeUInt16BE(crc16(body));
  const crcBytes = frame.crcForm === 'binary' ? crc : Buffer.from(hex4(crc.readUInt16BE()), 'latin1');
  return Buffer.concat([
    Buffer.from('\n'),
    crcBytes,
    Buffer.from(hex4(body.length)),
    body,
    Buffer.from('\r'),
  ]);
}

/** How the CRC at the beginning is written, by where the body begins; undefined while neither fits. */
export function crcFormOf(bytes: Buffer): Frame['crcForm'] | undefined {
  if (bytes[8] === QUOTE && isHex(bytes, 0, 8)) return 'text';
  return bytes[6] === QUOTE && isHex(bytes, 2, 6) ? 'binary' : undefined;
}

const QUOTE = 0x22;

function isHex(bytes: Buffer, start: number, end: number): boolean {
  return /^[0-9A-Fa-f]+$/.test(bytes.toString('latin1', start, end));
}

function statedCrc(bytes: Buffer, form: Frame['crcForm']): number {
  return form === 'binary' ? bytes.readUInt16BE(0) : Number.parseInt(bytes.toString('latin1', 0, 4), 16);
}

function hex4(value: number): string {
  return value.toString(16).toUpperCase().padStart(4, '0');
}

/** Cuts a byte stream into packets whose length their first bytes tell. */
export class Packets {
  readonly #lengthOf: (data: Buffer) => number | undefined;
  readonly #out: (packet: Buffer) => void;
  #parts: Buffer[] = [];
  #bytes = 0;
  #wanted = 0;

  /** @param lengthOf the whole length of the packet that begins here; undefined while that is not known */
  constructor(lengthOf: (data: Buffer) => number | undefined, out: (packet: Buffer) => void) {
    this.#lengthOf = lengthOf;
    this.#out = out;
  }

  push(chunk: Buffer): void {
    this.#parts.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#wanted) return;
    let data = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts);
    let length = this.#lengthOf(data);
    for (; length !== undefined && length <= data.length; length = this.#lengthOf(data)) {
      this.#out(data.subarray(0, length));
      data = data.subarray(length);
    }
    this.#wanted = length ?? 0;
    this.#bytes = data.length;
    this.#parts = data.length > 0 ? [data] : [];
  }
}

/** An MQTT packet. @see MQTT 5 §2.1.4 */
export function mqttLength(data: Buffer): number | undefined {
  let length = 0;
  for (let at = 1; at < Math.min(5, data.length); at += 1) {
    const byte = data[at] ?? 0;
    length += (byte & 0x7f) * 128 ** (at - 1);
    if (byte < 0x80) return at + 1 + length;
  }
  return undefined;
}

/** An interleaved frame, or an RTSP message with its body. @see RFC 2326 §10.12 */
export function rtspLength(data: Buffer): number | undefined {
  if (data.length < 4) return undefined;
  if (data[0] === 0x24) return 4 + data.readUInt16BE(2);
  const end = data.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  return end + 4 + Number(/^Content-Length: *(\d+)/im.exec(data.toString('latin1', 0, end))?.[1] ?? 0);
}

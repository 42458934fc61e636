import { gunzipSync } from 'node:zlib';

/** Longest document, as it comes and unpacked. Source: guess; documents of one second have a few kilobytes. */
export const MAX_DOCUMENT_BYTES = 256 * 1024;

/** How a document may begin, behind what cameras leave in front of it. */
const BEGIN = /^(?:\ufeff|\xef\xbb\xbf)?[\s\0]*<(?:\?xml|(?:[\w.-]+:)?metadatastream)\b/i;
const END = /<\/(?:[\w.-]+:)?metadatastream\s*>[\s\0]*$|<(?:[\w.-]+:)?metadatastream\b[^<>]*\/>[\s\0]*$/i;
/** How much of a packet is looked at for either. */
const BEGIN_BYTES = 64;
const END_BYTES = 256;
const [GZIP_1, GZIP_2] = [0x1f, 0x8b];

/**
 * Puts the documents of a metadata track together from its payloads in order. The marker ends a document; cameras that
 * set it on every packet, or never, are understood by the end tag of the root and by the begin of the next document. A
 * document whose begin was missed is left out.
 */
export class MetadataDocuments {
  readonly #gzip: boolean;
  readonly #out: (text: string) => void;
  #parts: Buffer[] = [];
  #bytes = 0;
  /** The last bytes of what was begun: an end tag may be cut between packets. */
  #tail = '';

  constructor(gzip: boolean, out: (text: string) => void) {
    this.#gzip = gzip;
    this.#out = out;
  }

  /** What was begun is left out. */
  drop(): void {
    this.#parts = [];
    this.#bytes = 0;
    this.#tail = '';
  }

  /**
   * @param payload may be overwritten after the call
   * @returns what is wrong with a document that is given up; undefined when all is well
   */
  take(payload: Buffer, marker: boolean): string | undefined {
    if (this.#begins(payload)) this.drop();
    else if (this.#bytes === 0) return undefined;
    if (this.#bytes + payload.length > MAX_DOCUMENT_BYTES) {
      this.drop();
      return `a document above ${MAX_DOCUMENT_BYTES} bytes`;
    }
    this.#parts.push(Buffer.from(payload));
    this.#bytes += payload.length;
    return this.#ends(payload, marker) ? this.#finish() : undefined;
  }

  #begins(payload: Buffer): boolean {
    if (this.#gzip) return this.#bytes === 0 && payload[0] === GZIP_1 && payload[1] === GZIP_2;
    return BEGIN.test(payload.toString('latin1', 0, BEGIN_BYTES));
  }

  #ends(payload: Buffer, marker: boolean): boolean {
    if (this.#gzip) return marker;
    const last = payload.toString('latin1', Math.max(0, payload.length - END_BYTES));
    this.#tail = (this.#tail + last).slice(-END_BYTES);
    return END.test(this.#tail);
  }

  #finish(): string | undefined {
    const bytes = Buffer.concat(this.#parts);
    this.drop();
    const text = this.#gzip ? unpacked(bytes) : bytes.toString('utf8');
    if (text === undefined) return 'a document that cannot be unpacked';
    // Some cameras put two documents into one.
    for (const one of text.split(/(?=<\?xml\b)/i)) if (one.includes('<')) this.#out(one);
    return undefined;
  }
}

function unpacked(bytes: Buffer): string | undefined {
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_DOCUMENT_BYTES }).toString('utf8');
  } catch {
    return undefined;
  }
}

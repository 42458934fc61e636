import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type KeyObject,
  randomBytes,
  verify,
} from 'node:crypto';
import { InternalError, OrderRefusedError } from '../base/errors.ts';
import { type Ed25519Public, publicKeyObject, type SealKey } from './keys.ts';
import type { Lease } from './lease.ts';
import { openMediaKey, sealMediaKey } from './seal.ts';

/**
 * The pictures of a lease as they travel. One message:
 *
 * | bytes | |
 * | --- | --- |
 * | 4 | `BFL2` |
 * | 1, n | length and text of the lease's id |
 * | 2, m | length and text of the sealed key (compact JWE), before a key picture; length 0 elsewhere |
 * | 8 | counter, from 1, rising by one per message of the lease |
 * | 8 | with a sealed key alone: when this key was made, Unix ms |
 * | 8 | with a sealed key alone: when this message was, Unix ms |
 * | 64 | with a sealed key alone: Ed25519 signature of the box over the topic and everything before it |
 * | … | AES-256-GCM of the MP4 boxes |
 * | 16 | its tag |
 *
 * Additional data is the topic and everything before the ciphertext. The nonce is four zero bytes and the counter: a key
 * is made for one opening of one lease in one process, and its counter never stands still, so no nonce comes twice.
 * Anybody can seal a key to a recipient: that it is of the box its signature says, and all other messages are of the box
 * because nobody else has the key.
 * @see NIST SP 800-38D §8.2.1 (deterministic construction)
 */
const MAGIC = Buffer.from('BFL2', 'ascii');
const COUNTER_BYTES = 8;
const TIME_BYTES = 8;
/** When the key was made, and the message. */
const TIMES_BYTES = 2 * TIME_BYTES;
const SIGNATURE_BYTES = 64;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
/** Far above the fragments of four hours. @see NIST SP 800-38D §8.3 */
const MAX_MESSAGES = 2 ** 32;
/** Longest sealed key, characters; a genuine one has about 500. */
const MAX_SEALED_KEY = 4096;
const EARLIER =
  'its key was made before that of the lease shown last: played back, or the clock of the box was set back; a view begun anew shows it if it is genuine';
/** How far the clocks of box and recipient may differ. Source: guess, as for orders. */
const MAX_SKEW_MS = 60_000;
/** How long pictures may be on their way to one who begins to view. Source: guess; the credit of a lease on a narrow line. */
const MAX_UNDER_WAY_MS = 60_000;

export interface SealerNeeds {
  readonly site: string;
  /** Of the pictures. */
  readonly topic: string;
  /** By the clock of the box. */
  readonly nowMs: () => number;
  /** Signs with the key of the box (Ed25519). */
  readonly sign: (bytes: Buffer) => Buffer;
}

/** Encrypts the pictures of one lease for its recipient. The key exists in the memory of this process alone. */
export class MediaSealer {
  readonly #topic: Buffer;
  readonly #lease: Buffer;
  readonly #sealedKey: Buffer;
  readonly #madeMs: bigint;
  readonly #nowMs: () => number;
  readonly #sign: (bytes: Buffer) => Buffer;
  #key: KeyObject | undefined;
  #counter = 0n;

  private constructor({ topic, nowMs, sign }: SealerNeeds, lease: string, sealedKey: string, key: KeyObject) {
    this.#topic = Buffer.from(topic, 'ascii');
    this.#lease = Buffer.from(lease, 'ascii');
    this.#sealedKey = Buffer.from(sealedKey, 'ascii');
    this.#madeMs = BigInt(Math.trunc(nowMs()));
    this.#nowMs = nowMs;
    this.#sign = sign;
    this.#key = key;
  }

  /** Makes a fresh key and seals it to the recipient that the partner has signed. */
  static async create(lease: Lease, needs: SealerNeeds): Promise<MediaSealer> {
    const bytes = randomBytes(KEY_BYTES);
    const bound = { site: needs.site, subject: `${lease.camera}/${lease.recipient}/${lease.id}` };
    const k = bytes.toString('base64url');
    const sealed = await sealMediaKey({ k }, bound, lease.recipientKey, lease.order.recipientKey);
    const key = createSecretKey(bytes);
    bytes.fill(0);
    return new MediaSealer(needs, lease.id, sealed, key);
  }

  /**
   * @param parts MP4 boxes
   * @param withKey whether a recipient can begin here
   * @returns the parts of the message
   * @throws InternalError after `destroy`
   */
  seal(parts: readonly Buffer[], withKey: boolean): Buffer[] {
    if (!this.#key || this.#counter >= MAX_MESSAGES)
      throw new InternalError('internal', 'the key of a lease was used beyond its end');
    this.#counter += 1n;
    const head = withKey ? this.#keyHead() : headOf(this.#lease, Buffer.alloc(0), this.#counter);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonceOf(this.#counter));
    cipher.setAAD(Buffer.concat([this.#topic, head]));
    const sealed = parts.map((part) => cipher.update(part));
    cipher.final();
    return [head, ...sealed, cipher.getAuthTag()];
  }

  #keyHead(): Buffer {
    const times = Buffer.alloc(TIMES_BYTES);
    times.writeBigUInt64BE(this.#madeMs);
    times.writeBigUInt64BE(BigInt(Math.trunc(this.#nowMs())), TIME_BYTES);
    const signed = Buffer.concat([headOf(this.#lease, this.#sealedKey, this.#counter), times]);
    return Buffer.concat([signed, this.#sign(Buffer.concat([this.#topic, signed]))]);
  }

  /** Most bytes that a message has beside its boxes. */
  get overheadBytes(): number {
    return headBytes(this.#lease, this.#sealedKey) + TIMES_BYTES + SIGNATURE_BYTES + TAG_BYTES;
  }

  get ended(): boolean {
    return this.#key === undefined;
  }

  /** The key is gone: nothing is sealed any more. */
  destroy(): void {
    this.#key = undefined;
  }
}

function headBytes(lease: Buffer, sealedKey: Buffer): number {
  return MAGIC.length + 1 + lease.length + 2 + sealedKey.length + COUNTER_BYTES;
}

function headOf(lease: Buffer, sealedKey: Buffer, counter: bigint): Buffer {
  const head = Buffer.alloc(headBytes(lease, sealedKey));
  let at = MAGIC.copy(head);
  at = head.writeUInt8(lease.length, at);
  at += lease.copy(head, at);
  at = head.writeUInt16BE(sealedKey.length, at);
  at += sealedKey.copy(head, at);
  head.writeBigUInt64BE(counter, at);
  return head;
}

function nonceOf(counter: bigint): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64BE(counter, 4);
  return nonce;
}

/** A message of leased pictures, taken apart and not yet believed. */
export interface LeasedMessage {
  readonly lease: string;
  /** Compact JWE; empty where decoding cannot begin. */
  readonly sealedKey: string;
  readonly counter: bigint;
  /** With a sealed key: when it and the message were made, Unix ms, what the box has signed of the head, and how. */
  readonly made?: {
    readonly keyMs: number;
    readonly messageMs: number;
    readonly signed: Buffer;
    readonly signature: Buffer;
  };
  readonly head: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

/** @returns undefined when the bytes are no such message */
export function readLeasedMessage(payload: Buffer): LeasedMessage | undefined {
  if (payload.length < MAGIC.length + 1 || !payload.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const leaseAt = MAGIC.length + 1;
  const keyAt = leaseAt + payload.readUInt8(MAGIC.length) + 2;
  if (payload.length < keyAt) return undefined;
  const keyBytes = payload.readUInt16BE(keyAt - 2);
  const counterAt = keyAt + keyBytes;
  const madeAt = counterAt + COUNTER_BYTES;
  const bodyAt = keyBytes === 0 ? madeAt : madeAt + TIMES_BYTES + SIGNATURE_BYTES;
  if (keyBytes > MAX_SEALED_KEY || payload.length < bodyAt + TAG_BYTES) return undefined;
  return {
    lease: payload.toString('latin1', leaseAt, keyAt - 2),
    sealedKey: payload.toString('latin1', keyAt, counterAt),
    counter: payload.readBigUInt64BE(counterAt),
    ...(keyBytes === 0 ? {} : { made: madeOf(payload, madeAt) }),
    head: payload.subarray(0, bodyAt),
    ciphertext: payload.subarray(bodyAt, payload.length - TAG_BYTES),
    tag: payload.subarray(payload.length - TAG_BYTES),
  };
}

function madeOf(payload: Buffer, at: number): NonNullable<LeasedMessage['made']> {
  const signed = payload.subarray(0, at + TIMES_BYTES);
  const signature = payload.subarray(signed.length, signed.length + SIGNATURE_BYTES);
  const timeAt = (from: number) => Number(payload.readBigUInt64BE(from));
  return { keyMs: timeAt(at), messageMs: timeAt(at + TIME_BYTES), signed, signature };
}

export interface MediaOpenerNeeds {
  readonly site: string;
  readonly camera: string;
  readonly recipient: string;
  readonly topic: string;
  /** The private key of the recipient. */
  readonly key: SealKey;
  /** The key by which the box signs, as the CSU has let it in. */
  readonly boxKey: Ed25519Public;
  readonly nowMs: () => number;
}

/** The lease that is shown. */
interface Shown {
  readonly lease: string;
  readonly madeMs: number;
  readonly key: KeyObject;
}

/** Decrypts the pictures of leases for their recipient, as the box has made them: each message once, in its order. */
export class MediaOpener {
  readonly #needs: MediaOpenerNeeds;
  readonly #boxKey: KeyObject;
  #shown: Shown | undefined;
  #counter = 0n;

  constructor(needs: MediaOpenerNeeds) {
    this.#needs = needs;
    this.#boxKey = publicKeyObject(needs.boxKey);
  }

  /**
   * @returns the MP4 boxes; undefined before the first key picture, and for what was received before
   * @throws OrderRefusedError `secret-unopenable` for what is not for this recipient, not of the box, damaged, or of an
   *   earlier lease; what is shown goes on all the same
   */
  async open(payload: Buffer): Promise<Buffer | undefined> {
    const message = readLeasedMessage(payload);
    if (!message) throw unopenable('expected a message of leased pictures (BFL2)');
    const known = message.lease === this.#shown?.lease;
    const shown = known ? this.#shown : await this.#another(message);
    if (!shown || (known && message.counter <= this.#counter)) return undefined;
    const plain = this.#decrypt(message, shown.key);
    this.#shown = shown;
    this.#counter = message.counter;
    return plain;
  }

  /**
   * Another lease begins at a key picture of this moment: what was recorded is not shown as of now. One from before the
   * one that is shown does not come back. Where the clock of the box was set back between two leases, the second one looks
   * like this too, and nothing tells them apart but a view that is begun anew.
   */
  async #another({ lease, sealedKey, made }: LeasedMessage): Promise<Shown | undefined> {
    if (!made) return undefined;
    this.#check(made);
    if (made.keyMs <= (this.#shown?.madeMs ?? 0)) throw unopenable(EARLIER);
    const { site, camera, recipient, key } = this.#needs;
    const bound = { site, subject: `${camera}/${recipient}/${lease}` };
    const { k } = await openMediaKey(sealedKey, bound, key);
    return { lease, madeMs: made.keyMs, key: createSecretKey(Buffer.from(k, 'base64url')) };
  }

  #check({ messageMs, signed, signature }: NonNullable<LeasedMessage['made']>): void {
    const said = Buffer.concat([Buffer.from(this.#needs.topic, 'ascii'), signed]);
    if (!verify(null, said, this.#boxKey, signature))
      throw unopenable('expected the signature of the box, came that of somebody else');
    const ageMs = this.#needs.nowMs() - messageMs;
    if (ageMs <= MAX_UNDER_WAY_MS + MAX_SKEW_MS && ageMs >= -MAX_SKEW_MS) return;
    const minutes = Math.round(Math.abs(ageMs) / 60_000);
    throw unopenable(
      `expected pictures of now, came some ${minutes} min ${ageMs < 0 ? 'ahead' : 'old'}: played back, or the clock of the box or of this machine is wrong`,
    );
  }

  #decrypt({ head, ciphertext, tag, counter }: LeasedMessage, key: KeyObject): Buffer {
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(counter), { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.concat([Buffer.from(this.#needs.topic, 'ascii'), head]));
    decipher.setAuthTag(tag);
    try {
      return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
    } catch {
      throw unopenable('its content was altered, or is of another key');
    }
  }
}

function unopenable(why: string): OrderRefusedError {
  return new OrderRefusedError('secret-unopenable', `leased pictures: ${why}`);
}

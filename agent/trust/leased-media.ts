import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { InternalError, OrderRefusedError } from '../base/errors.ts';
import type { SealKey } from './keys.ts';
import type { Lease } from './lease.ts';
import { openMediaKey, sealMediaKey } from './seal.ts';

/**
 * The pictures of a lease as they travel. One message:
 *
 * | bytes | |
 * | --- | --- |
 * | 4 | `BFL1` |
 * | 1, n | length and text of the lease's id |
 * | 2, m | length and text of the sealed key (compact JWE), before a key picture; length 0 elsewhere |
 * | 8 | counter, from 1, rising by one per message of the lease |
 * | … | AES-256-GCM of the MP4 boxes |
 * | 16 | its tag |
 *
 * Additional data is the topic and everything before the ciphertext. The nonce is four zero bytes and the counter: a key
 * is made for one opening of one lease in one process, and its counter never stands still, so no nonce comes twice.
 * @see NIST SP 800-38D §8.2.1 (deterministic construction)
 */
const MAGIC = Buffer.from('BFL1', 'ascii');
const COUNTER_BYTES = 8;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
/** Far above the fragments of four hours. @see NIST SP 800-38D §8.3 */
const MAX_MESSAGES = 2 ** 32;
/** Longest sealed key, characters; a genuine one has about 500. */
const MAX_SEALED_KEY = 4096;

/** Encrypts the pictures of one lease for its recipient. The key exists in the memory of this process alone. */
export class MediaSealer {
  readonly #topic: string;
  readonly #lease: Buffer;
  readonly #sealedKey: Buffer;
  #key: KeyObject | undefined;
  #counter = 0n;

  private constructor(topic: string, lease: string, sealedKey: string, key: KeyObject) {
    this.#topic = topic;
    this.#lease = Buffer.from(lease, 'ascii');
    this.#sealedKey = Buffer.from(sealedKey, 'ascii');
    this.#key = key;
  }

  /** Makes a fresh key and seals it to the recipient that the partner has signed. @param topic of the pictures */
  static async create(lease: Lease, site: string, topic: string): Promise<MediaSealer> {
    const bytes = randomBytes(KEY_BYTES);
    const subject = `${lease.camera}/${lease.recipient}/${lease.id}`;
    const k = bytes.toString('base64url');
    const sealed = await sealMediaKey({ k }, { site, subject }, lease.recipientKey, lease.order.recipientKey);
    const key = createSecretKey(bytes);
    bytes.fill(0);
    return new MediaSealer(topic, lease.id, sealed, key);
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
    const head = headOf(this.#lease, withKey ? this.#sealedKey : Buffer.alloc(0), this.#counter);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonceOf(this.#counter));
    cipher.setAAD(Buffer.concat([Buffer.from(this.#topic, 'ascii'), head]));
    const sealed = parts.map((part) => cipher.update(part));
    cipher.final();
    return [head, ...sealed, cipher.getAuthTag()];
  }

  /** Most bytes that a message has beside its boxes. */
  get overheadBytes(): number {
    return headBytes(this.#lease, this.#sealedKey) + TAG_BYTES;
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
  const bodyAt = counterAt + COUNTER_BYTES;
  if (keyBytes > MAX_SEALED_KEY || payload.length < bodyAt + TAG_BYTES) return undefined;
  return {
    lease: payload.toString('latin1', leaseAt, keyAt - 2),
    sealedKey: payload.toString('latin1', keyAt, counterAt),
    counter: payload.readBigUInt64BE(counterAt),
    head: payload.subarray(0, bodyAt),
    ciphertext: payload.subarray(bodyAt, payload.length - TAG_BYTES),
    tag: payload.subarray(payload.length - TAG_BYTES),
  };
}

export interface MediaOpenerNeeds {
  readonly site: string;
  readonly camera: string;
  readonly recipient: string;
  readonly topic: string;
  /** The private key of the recipient. */
  readonly key: SealKey;
}

/** Decrypts the pictures of leases for their recipient: each message once, in its order. */
export class MediaOpener {
  readonly #needs: MediaOpenerNeeds;
  readonly #past = new Set<string>();
  #lease = '';
  #key: KeyObject | undefined;
  #counter = 0n;

  constructor(needs: MediaOpenerNeeds) {
    this.#needs = needs;
  }

  /**
   * @returns the MP4 boxes; undefined before the first key picture, and for what was received before
   * @throws OrderRefusedError `secret-unopenable` for what is not for this recipient, forged or damaged
   */
  async open(payload: Buffer): Promise<Buffer | undefined> {
    const message = readLeasedMessage(payload);
    if (!message) throw unopenable('expected a message of leased pictures');
    if (message.lease !== this.#lease) await this.#begin(message);
    if (!this.#key || message.lease !== this.#lease || message.counter <= this.#counter) return undefined;
    const plain = this.#decrypt(message, this.#key);
    this.#counter = message.counter;
    return plain;
  }

  /** Another lease has another key; it is taken at its first key picture. One that was left does not come back. */
  async #begin({ lease, sealedKey }: LeasedMessage): Promise<void> {
    if (sealedKey === '' || this.#past.has(lease)) return;
    const { site, camera, recipient, key } = this.#needs;
    const bound = { site, subject: `${camera}/${recipient}/${lease}` };
    const { k } = await openMediaKey(sealedKey, bound, key);
    this.#past.add(this.#lease);
    this.#lease = lease;
    this.#key = createSecretKey(Buffer.from(k, 'base64url'));
    this.#counter = 0n;
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

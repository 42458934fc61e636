import type { Clock, ClockTrust } from '../../base/clock.ts';
import { type BeffroiError, DeviceError, InternalError, PeerProtocolError } from '../../base/errors.ts';
import { quoted } from '../../base/text.ts';
import type { Store } from '../../store/store.ts';
import type { Account } from './account.ts';
import { decryptContent } from './cipher.ts';
import type { Complaints } from './complaints.ts';
import { type Content, readContent } from './content.ts';
import { type Frame, readFrame } from './frame.ts';
import type { Standing } from './pace.ts';
import { ack, duh, nak } from './replies.ts';
import { readSignals } from './signals.ts';

export interface DeskNeeds {
  readonly clock: Clock;
  readonly clockTrust: () => ClockTrust;
  readonly store: Pick<Store, 'durable'>;
  readonly complaints: Complaints;
}

export interface DeskOptions {
  readonly panel: string;
  /** How far the time stamp of an encrypted message may lie in the past and in the future, seconds. */
  readonly pastS: number;
  readonly futureS: number;
  readonly accounts: ReadonlyMap<string, Account>;
}

const ANSWERS = ['ACK', 'NAK', 'DUH', 'RSP'];

/** Decides what becomes of a message, and what the panel is answered. */
export class Desk {
  readonly #needs: DeskNeeds;
  readonly #options: DeskOptions;

  constructor(needs: DeskNeeds, options: DeskOptions) {
    this.#needs = needs;
    this.#options = options;
  }

  /**
   * @param bytes everything between LF and CR
   * @param from address of the sender
   * @returns the answer; undefined for silence, which tells the panel that nothing was delivered
   * @throws whatever the store throws
   */
  take(bytes: Buffer, from: string): Buffer | undefined {
    const frame = readFrame(bytes);
    if (typeof frame === 'string') {
      this.#complain(new PeerProtocolError('panel-protocol', this.#words(`${frame}: ${shown(bytes)}`)));
      return undefined;
    }
    if (ANSWERS.includes(frame.token)) return undefined;
    const account = this.#options.accounts.get(frame.account ?? '');
    if (account) return this.#takeFrom(account, frame, from);
    const stranger = quoted(frame.account ?? '', 16);
    const error = new DeviceError(
      'panel-account-unknown',
      this.#words(`account ${stranger} is not configured`),
    );
    return this.#cannot(frame, error);
  }

  /** @returns undefined when it is no whole message, or of no account of the configuration; nothing changes by it */
  standingOf(bytes: Buffer): Standing | undefined {
    const frame = readFrame(bytes);
    if (typeof frame === 'string') return undefined;
    const account = this.#options.accounts.get(frame.account ?? '');
    return account && { account: account.id, proof: this.#proofOf(account, frame) };
  }

  #proofOf(account: Account, frame: Frame): Standing['proof'] {
    const content = account.key && !frame.encrypted ? undefined : this.#contentOf(account, frame);
    if (!content || (frame.encrypted && !this.#isInTime(account, frame, content))) return 'named';
    return account.hasCome(frame, content) ? 'repeated' : 'new';
  }

  #takeFrom(account: Account, frame: Frame, from: string): Buffer | undefined {
    if (account.key && !frame.encrypted) {
      const why = `account ${account.id} has a key, its message came in clear`;
      return this.#cannot(frame, new DeviceError('panel-unencrypted', this.#words(why)));
    }
    const content = this.#contentOf(account, frame);
    if (!content) return this.#cannot(frame, this.#unreadable(account, frame));
    if (frame.encrypted && !this.#isInTime(account, frame, content))
      return this.#late(account, frame, content);
    account.came(frame, content, { from, latestMs: this.#latestMs });
    return this.#takeContent(account, frame, content);
  }

  #takeContent(account: Account, frame: Frame, content: Content): Buffer | undefined {
    const { store } = this.#needs;
    const answer = () => ack(frame, account.key, this.#timeOf(content));
    if (frame.token === 'NULL') return answer();
    const signals = readSignals(frame.token, content.data);
    if (!signals) {
      const why = `account ${account.id}: ${frame.token} cannot be processed: ${quoted(content.data, 60)}`;
      return this.#cannot(frame, new PeerProtocolError('panel-protocol', this.#words(why)));
    }
    if (!account.isRepeated(frame, content)) account.take(frame, content, signals);
    if (store.durable) return answer();
    const why = `account ${account.id}: not on disk, so not acknowledged`;
    this.#complain(new InternalError('store-unavailable', this.#words(why)));
    return undefined;
  }

  #contentOf({ key, id }: Account, frame: Frame): Content | undefined {
    const text = frame.encrypted ? key && decryptContent(frame.content, key) : frame.content;
    const content = text === undefined ? undefined : readContent(text);
    const foreign = content?.account !== undefined && content.account !== id && frame.token !== 'NULL';
    return foreign ? undefined : content;
  }

  /** A box that does not know the time gives the panel its own time back: some set themselves by what they are told. */
  #timeOf({ sentMs }: Content): number {
    const wallMs = this.#needs.clock.wallMs();
    return this.#knowsTime ? wallMs : (sentMs ?? wallMs);
  }

  get #knowsTime(): boolean {
    return this.#needs.clockTrust() !== 'untrusted';
  }

  /** Time stamps are whole seconds, and so is what they are compared with. */
  get #nowMs(): number {
    return Math.floor(this.#needs.clock.wallMs() / 1000) * 1000;
  }

  get #latestMs(): number {
    return this.#knowsTime ? this.#nowMs + this.#options.futureS * 1000 : Number.POSITIVE_INFINITY;
  }

  /**
   * A box that does not know the time refuses no alarm for it: then a message must not be older than what the account has
   * said before, so that none is played again.
   */
  #isInTime(account: Account, frame: Frame, content: Content): boolean {
    const { sentMs } = content;
    if (sentMs === undefined) return false;
    const trusted = this.#knowsTime;
    const latestMs = this.#latestMs;
    const earliestMs = trusted ? this.#nowMs - this.#options.pastS * 1000 : account.newestSentMs;
    if (trusted && (sentMs < earliestMs || sentMs > latestMs)) return false;
    if (account.isRepeated(frame, content)) return true;
    return sentMs >= earliestMs && !(sentMs <= account.forgottenMs && account.forgottenMs <= latestMs);
  }

  /**
   * NAK carries the time of the box, by which panels set themselves: a box that does not know it says nothing, and the
   * panel keeps the message and comes again.
   */
  #late(account: Account, frame: Frame, { sentMs }: Content): Buffer | undefined {
    const wallMs = this.#needs.clock.wallMs();
    const off =
      sentMs === undefined
        ? 'no time stamp that can be read'
        : `${Math.round((sentMs - wallMs) / 1000)} s ahead`;
    const { pastS, futureS } = this.#options;
    const window = this.#knowsTime
      ? `a time stamp within -${pastS}/+${futureS} s`
      : 'one after all before, since the box does not know the time and answers nothing';
    const why = `account ${account.id}: expected ${window}, came ${off}`;
    this.#complain(new DeviceError('panel-clock-offset', this.#words(why)), account.id);
    return this.#knowsTime ? nak(frame, wallMs) : undefined;
  }

  #unreadable({ id, key }: Account, frame: Frame): BeffroiError {
    if (!frame.encrypted) {
      return new PeerProtocolError('panel-protocol', this.#words(`account ${id}: content cannot be read`));
    }
    const why = key ? 'does not open with its key' : 'is encrypted, and no key is configured';
    return new DeviceError('panel-key-wrong', this.#words(`a message of account ${id} ${why}`));
  }

  #cannot(frame: Frame, error: BeffroiError): Buffer {
    this.#complain(error, frame.account);
    return duh(frame);
  }

  #complain(error: BeffroiError, account?: string): void {
    this.#needs.complaints.about(error, account);
  }

  #words(why: string): string {
    return `${this.#options.panel}: ${why}`;
  }
}

function shown(bytes: Buffer): string {
  return quoted(bytes.toString('latin1', 0, 60), 60);
}

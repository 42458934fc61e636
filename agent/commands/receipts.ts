import { asBeffroiError, OrderRefusedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { RepeatedFault } from '../base/repeated.ts';
import { MAX_RECEIPT_BYTES, receiptOrder } from '../contract/orders.ts';
import type { ReceiptedEvent } from '../contract/receipt.ts';
import type { Outbox } from '../store/store.ts';
import type { Refusals } from '../trust/refusals.ts';
import { type AuthenticOrder, authenticate, judgeTimeless } from '../trust/verify.ts';
import { Budget } from './budget.ts';
import type { VerifyNeeds } from './verify.ts';

export interface ReceiptNeeds extends VerifyNeeds {
  readonly log: Log;
  readonly outbox: Pick<Outbox, 'confirm'>;
  readonly refusals: Pick<Refusals, 'refuse' | 'countAgain'>;
  /** The latest time that the box knows has passed, Unix ms. */
  readonly timeFloorMs: () => number;
}

/**
 * Receipts that are looked at: a receiver sends at most 50 a second, and a signature costs some 0.1 ms, which alarms would
 * have to wait for. What is above is as lost as one that never came: the event is sent again. Source: guess.
 */
const PER_SECOND = 200;
const AT_ONCE = 400;
/** An altered event is told again no sooner than this. Source: guess. */
const ALTERED_INTERVAL_MS = 3600_000;

/**
 * Takes the receipts of the CSU: the events that they name, with the bytes that they had, leave the outbox. Times are not judged, since a box without
 * a clock needs receipts too; only a key that is known to be over signs none. A receipt proves itself by ids that only who has the events can know, and one that comes
 * again names nothing that is still there.
 */
export class ReceiptDesk {
  readonly #needs: ReceiptNeeds;
  readonly #altered: RepeatedFault;
  readonly #flood: RepeatedFault;
  readonly #budget: Budget;

  constructor(needs: ReceiptNeeds) {
    this.#needs = needs;
    this.#altered = new RepeatedFault(needs.clock, ALTERED_INTERVAL_MS);
    this.#flood = new RepeatedFault(needs.clock);
    this.#budget = new Budget(needs.clock, PER_SECOND, AT_ONCE);
  }

  /** Takes one message of the receipt topic. Never throws. */
  receive(payload: Buffer, retained: boolean): void {
    if (this.#budget.take()) this.#look(payload, retained);
    else this.#tellFlood();
  }

  #look(payload: Buffer, retained: boolean): void {
    let signer: string | undefined;
    try {
      if (payload.length > MAX_RECEIPT_BYTES) throw tooLarge(payload.length);
      if (retained) throw retainedReceipt();
      const order = authenticate(payload, this.#needs.keyring);
      signer = order.keys[0]?.kid;
      this.#confirm(this.#eventsIn(order), signer);
    } catch (thrown) {
      this.#refuse(thrown, signer);
    }
  }

  /** A message on the receipt topic was above what the uplink takes, and was thrown away. */
  refuseOversize(bytes: number): void {
    this.#refuse(tooLarge(bytes));
  }

  #eventsIn(order: AuthenticOrder): readonly ReceiptedEvent[] {
    const { site, clock, clockTrust, timeFloorMs } = this.#needs;
    return judgeTimeless(order, {
      schema: receiptOrder,
      audience: site,
      roles: ['receive'],
      nowMs: clock.wallMs(),
      clockTrust: clockTrust(),
      timeFloorMs: timeFloorMs(),
    }).claims.events;
  }

  #confirm(events: readonly ReceiptedEvent[], signer: string | undefined): void {
    const { gone, altered } = this.#needs.outbox.confirm(events);
    this.#needs.log.debug({ events: events.length, gone }, 'receipt of the CSU');
    const [first] = altered;
    if (first !== undefined) this.#tellAltered(first, signer);
  }

  /** Told once in a while and not for each event: what tells of it may itself be altered on its way. */
  #tellAltered(id: string, signer: string | undefined): void {
    const told = this.#altered.happened('receipt-altered');
    if (told) this.#refuse(alteredEvent(id, told.count), signer);
    else this.#needs.refusals.countAgain();
  }

  #tellFlood(): void {
    const told = this.#flood.happened('receipt-flood');
    if (told) this.#refuse(flooded(told.count));
    else this.#needs.refusals.countAgain();
  }

  /** A fault of the store is no refusal: the event stays, and its receipt comes again. */
  #refuse(thrown: unknown, signer = 'unknown'): void {
    const error = asBeffroiError(thrown);
    if (error.fault === 'order')
      this.#needs.refusals.refuse({ order: 'receipt', orderId: '', signer, error });
    else this.#needs.log.error({ err: error }, 'receipt not taken');
  }
}

function alteredEvent(id: string, count: number): OrderRefusedError {
  const times = count > 1 ? `; so far ${count} receipts` : '';
  return new OrderRefusedError(
    'receipt-altered',
    `event ${id}: expected a receipt for the bytes that left the box, came one for others: the centre holds an altered copy${times}`,
  );
}

function flooded(count: number): OrderRefusedError {
  return new OrderRefusedError(
    'receipt-flood',
    `expected at most ${PER_SECOND} receipts a second, came more: ${count} were not looked at`,
  );
}

function tooLarge(bytes: number): OrderRefusedError {
  return new OrderRefusedError(
    'order-too-large',
    `expected at most ${MAX_RECEIPT_BYTES} bytes, came ${bytes}`,
  );
}

function retainedReceipt(): OrderRefusedError {
  return new OrderRefusedError(
    'order-retained',
    'expected a receipt that is not retained, came a retained one',
  );
}

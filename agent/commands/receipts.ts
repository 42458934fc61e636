import { asBeffroiError, OrderRefusedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { MAX_RECEIPT_BYTES, receiptOrder } from '../contract/orders.ts';
import type { Outbox } from '../store/store.ts';
import type { Refusals } from '../trust/refusals.ts';
import { type AuthenticOrder, authenticate, judgeTimeless } from '../trust/verify.ts';
import type { VerifyNeeds } from './verify.ts';

export interface ReceiptNeeds extends VerifyNeeds {
  readonly log: Log;
  readonly outbox: Pick<Outbox, 'confirm'>;
  readonly refusals: Pick<Refusals, 'refuse'>;
}

/**
 * Takes the receipts of the CSU: the events that they name leave the outbox. Times are not judged, since a box without
 * a clock needs receipts too: a receipt proves itself by ids that only who has the events can know, and one that comes
 * again names nothing that is still there.
 */
export class ReceiptDesk {
  readonly #needs: ReceiptNeeds;

  constructor(needs: ReceiptNeeds) {
    this.#needs = needs;
  }

  /** Takes one message of the receipt topic. Never throws. */
  receive(payload: Buffer, retained: boolean): void {
    let signer: string | undefined;
    try {
      if (payload.length > MAX_RECEIPT_BYTES) throw tooLarge(payload.length);
      if (retained) throw retainedReceipt();
      const order = authenticate(payload, this.#needs.keyring);
      signer = order.keys[0]?.kid;
      this.#confirm(this.#idsIn(order));
    } catch (thrown) {
      this.#refuse(thrown, signer);
    }
  }

  /** A message on the receipt topic was above what the uplink takes, and was thrown away. */
  refuseOversize(bytes: number): void {
    this.#refuse(tooLarge(bytes));
  }

  #idsIn(order: AuthenticOrder): readonly string[] {
    const { site, clock, clockTrust } = this.#needs;
    return judgeTimeless(order, {
      schema: receiptOrder,
      audience: site,
      roles: ['receive'],
      nowMs: clock.wallMs(),
      clockTrust: clockTrust(),
    }).claims.ids;
  }

  #confirm(ids: readonly string[]): void {
    const known = this.#needs.outbox.confirm(ids);
    this.#needs.log.debug({ ids: ids.length, known }, 'receipt of the CSU');
  }

  /** A fault of the store is no refusal: the event stays, and its receipt comes again. */
  #refuse(thrown: unknown, signer = 'unknown'): void {
    const error = asBeffroiError(thrown);
    if (error.fault === 'order')
      this.#needs.refusals.refuse({ order: 'receipt', orderId: '', signer, error });
    else this.#needs.log.error({ err: error }, 'receipt not taken');
  }
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

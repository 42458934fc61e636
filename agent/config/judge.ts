import type { Clock, ClockTrust } from '../base/clock.ts';
import { asBeffroiError, type BeffroiError } from '../base/errors.ts';
import { type ConfigOrder, configOrder, ROLES, type Role } from '../contract/orders.ts';
import type { Keyring } from '../trust/keyring.ts';
import {
  type AuthenticOrder,
  authenticate,
  type ClockPolicy,
  CONFIGURATION_MAX_LIFETIME_S,
  judgeOrder,
  type OrderExpectation,
  type VerifiedOrder,
} from '../trust/verify.ts';
import type { TimeFloor } from './time-floor.ts';

export interface JudgeNeeds {
  readonly site: string;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly clockTrust: () => ClockTrust;
}

/** A configuration order whose signature, audience, role and times hold. */
export type GoodOrder = VerifiedOrder<ConfigOrder>;

/**
 * Why an order does not hold; who signed it, when the signature is good; and the version that it claims, when it can
 * also be read and is for this box.
 */
export interface BadOrder {
  readonly error: BeffroiError;
  readonly version?: number;
  readonly signer?: string;
}

/** Verifies configuration orders. */
export class ConfigurationJudge {
  readonly #needs: JudgeNeeds;
  readonly #floor: TimeFloor;

  constructor(needs: JudgeNeeds, floor: TimeFloor) {
    this.#needs = needs;
    this.#floor = floor;
  }

  /** Judges an order that has just come. Never throws. */
  fresh(payload: Buffer): GoodOrder | BadOrder {
    this.noteTime();
    const authentic = this.#authentic(payload);
    if ('error' in authentic) return authentic;
    const order = this.#judged(authentic, 'floor');
    if (!('error' in order)) return order;
    const readable = this.#judged(authentic, 'stored', ROLES);
    if ('error' in readable) return { ...order, signer: authentic.keys[0]?.kid ?? 'unknown' };
    return { ...order, version: readable.claims.version, signer: signerOf(readable) };
  }

  /** Judges an order that was in force before: its times are not held against it. Never throws. */
  stored(jws: string): GoodOrder | BadOrder {
    this.noteTime();
    const authentic = this.#authentic(jws);
    return 'error' in authentic ? authentic : this.#judged(authentic, 'stored');
  }

  #authentic(jws: Buffer | string): AuthenticOrder | BadOrder {
    try {
      return authenticate(jws, this.#needs.keyring);
    } catch (thrown) {
      return { error: asBeffroiError(thrown) };
    }
  }

  #judged(
    order: AuthenticOrder,
    clockPolicy: ClockPolicy,
    roles: readonly Role[] = ['config'],
  ): GoodOrder | BadOrder {
    try {
      return judgeOrder(order, { ...this.#expected(clockPolicy), roles });
    } catch (thrown) {
      return { error: asBeffroiError(thrown) };
    }
  }

  #expected(clockPolicy: ClockPolicy): Omit<OrderExpectation<ConfigOrder>, 'roles'> {
    const { site, clock, clockTrust } = this.#needs;
    return {
      schema: configOrder,
      audience: site,
      clockPolicy,
      nowMs: clock.wallMs(),
      clockTrust: clockTrust(),
      timeFloorMs: this.#floor.ms,
      maxLifetimeS: CONFIGURATION_MAX_LIFETIME_S,
    };
  }

  /** Keeps what time it is, while the clock can be believed. */
  noteTime(): void {
    if (this.#needs.clockTrust() !== 'untrusted') this.#floor.raise(this.#needs.clock.wallMs());
  }
}

/** Key id of who signed the order in the role that counts. */
export function signerOf({ signers }: GoodOrder): string {
  return (signers.find(({ role }) => role === 'config') ?? signers[0])?.kid ?? 'unknown';
}

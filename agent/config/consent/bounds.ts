import type { PartnerBounds } from '../../contract/consent.ts';
import { weekOf } from '../../trust/hours.ts';
import { type PartnerConfig, unixS } from '../partners.ts';

type BoundsConfig = Pick<
  PartnerConfig,
  'keys' | 'convention' | 'hours' | 'reasons' | 'maxLeaseMinutes' | 'controlLossS'
>;

/** What of a partner's entry its leases are bound by. */
export function boundsOf(entry: BoundsConfig): PartnerBounds {
  return {
    keys: entry.keys,
    validFromS: unixS(entry.convention.validFrom),
    validUntilS: unixS(entry.convention.validUntil),
    hours: entry.hours,
    reasons: entry.reasons,
    maxMinutes: entry.maxLeaseMinutes,
    controlLossS: entry.controlLossS,
  };
}

/** In what the asked bounds go beyond the agreed ones, by the key of the partner's entry; to narrow is free. */
export function widened(agreed: PartnerBounds, asked: PartnerBounds): string[] {
  const within = (some: readonly string[], all: readonly string[]) => some.every((one) => all.includes(one));
  const agreedWeek = weekOf(agreed.hours);
  const wider: Record<string, boolean> = {
    keys: !within(asked.keys, agreed.keys),
    'convention.validFrom': asked.validFromS < agreed.validFromS,
    'convention.validUntil': asked.validUntilS > agreed.validUntilS,
    hours: weekOf(asked.hours).some((allowed, minute) => allowed === 1 && agreedWeek[minute] !== 1),
    reasons: !within(asked.reasons, agreed.reasons),
    maxLeaseMinutes: asked.maxMinutes > agreed.maxMinutes,
    controlLossS: asked.controlLossS > agreed.controlLossS,
  };
  return Object.keys(wider).filter((key) => wider[key]);
}

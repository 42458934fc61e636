import { createHash } from 'node:crypto';
import { z } from 'zod';
import { keyId } from '../contract/claims.ts';
import {
  hoursWindow,
  LEASE_REASONS,
  type LeaseTerms,
  leaseReason,
  MAX_LEASE_MINUTES,
  partnerId,
  person,
  RECIPIENTS,
  recipientId,
  x25519PublicKey,
} from '../contract/lease-terms.ts';
import { plainHost } from './consent/place.ts';

const moment = z.iso.datetime({ offset: true });

const operator = z.strictObject({
  id: person.meta({ description: 'the named person, as a lease names them' }),
  approvedFrom: moment.optional().meta({ description: 'from when the approval of the prefect holds' }),
  approvedUntil: moment.meta({ description: 'until when it holds; without it no channel opens' }),
});

const recipient = z.strictObject({
  id: recipientId.meta({ description: 'the CSU or the national police: a channel has one recipient' }),
  key: x25519PublicKey.meta({ description: 'public key (JWK) that the pictures are sealed to' }),
  operators: z
    .array(operator)
    .max(200)
    .default([])
    .meta({ description: 'who may view: designated by order of the prefect' }),
});

/** A partner, such as a social landlord, and what its convention allows. */
export const partner = z.strictObject({
  id: partnerId.meta({ description: 'also the user of the partner at the broker' }),
  name: z.string().min(1).max(80),
  keys: z
    .array(keyId)
    .min(1)
    .max(8)
    .meta({ description: 'keys of the keyring, role partner, of which one signs each lease' }),
  convention: z
    .strictObject({
      reference: z.string().min(1).max(120).meta({ description: 'such as the number of the decision' }),
      validFrom: moment,
      validUntil: moment.meta({
        description: 'outside of these times no channel opens, and an open one closes',
      }),
    })
    .refine(({ validFrom, validUntil }) => Date.parse(validFrom) < Date.parse(validUntil), {
      message: 'expected validUntil after validFrom',
      path: ['validUntil'],
    }),
  hours: z
    .array(hoursWindow)
    .min(1)
    .max(28)
    .meta({ description: 'hours in which a channel may be open, beside the lease' }),
  reasons: z
    .array(leaseReason)
    .min(1)
    .max(LEASE_REASONS.length)
    .default([...LEASE_REASONS])
    .meta({ description: 'the reasons of the convention' }),
  maxLeaseMinutes: z
    .int()
    .min(1)
    .max(MAX_LEASE_MINUTES)
    .default(60)
    .meta({ description: `longest lease, minutes; the program allows ${MAX_LEASE_MINUTES} at most` }),
  controlLossS: z.int().min(1).max(300).default(20).meta({
    description:
      'nothing heard from the centre’s broker on the main path for longer than this closes every channel, s; while one is open the broker is asked four times as often',
  }),
  recipients: z.array(recipient).min(1).max(RECIPIENTS.length),
});
export type PartnerConfig = z.infer<typeof partner>;

/** How a camera is delivered. */
export const delivery = z.enum(['continuous', 'on-demand']);

interface Regime {
  readonly regime: 'continuous' | 'leased';
  readonly delivery?: z.infer<typeof delivery> | undefined;
  readonly partner?: string | undefined;
  readonly priority?: number | undefined;
  readonly owner: string;
}

/** Says what of a camera does not fit its regime. */
export function regimeFaults(camera: Regime): [key: keyof Regime, message: string][] {
  const faults: [keyof Regime, string][] = [];
  const leased = camera.regime === 'leased';
  if (leased !== (camera.owner === 'partner'))
    faults.push(['owner', 'a leased camera is the one of a partner, and no other camera is']);
  if (leased !== (camera.partner !== undefined))
    faults.push(['partner', 'a leased camera names its partner, and no other camera does']);
  if (leased && camera.delivery !== undefined)
    faults.push(['delivery', 'a leased camera opens by the lease of its partner alone']);
  if (leased && camera.priority !== undefined)
    faults.push(['priority', 'a leased camera goes before every other one while a lease is open']);
  return faults;
}

interface Named {
  readonly id: string;
  readonly host: string;
}

/**
 * The cameras of other regimes at an address where a leased camera stands: the same device by another name would be
 * forwarded without a lease. @returns their places in the list
 */
export function besideLeased(cameras: readonly (Regime & Named)[]): number[] {
  const plain = (host: string) => plainHost(String(host));
  const leased = new Set(cameras.filter(({ regime }) => regime === 'leased').map(({ host }) => plain(host)));
  return cameras.flatMap(({ regime, host }, index) =>
    regime !== 'leased' && leased.has(plain(host)) ? [index] : [],
  );
}

/** What a lease of a camera of this partner is judged by. */
function leaseTermsOf(entry: PartnerConfig): LeaseTerms {
  const { reference, validFrom, validUntil } = entry.convention;
  return {
    partner: entry.id,
    keys: entry.keys,
    convention: { reference, validFromS: unixS(validFrom), validUntilS: unixS(validUntil) },
    hours: entry.hours,
    reasons: entry.reasons,
    maxMinutes: entry.maxLeaseMinutes,
    controlLossS: entry.controlLossS,
    recipients: entry.recipients.map(({ id, key, operators }) => ({
      id,
      key,
      operators: operators.map(({ id: name, approvedFrom, approvedUntil }) => ({
        id: name,
        ...(approvedFrom === undefined ? {} : { approvedFromS: unixS(approvedFrom) }),
        approvedUntilS: unixS(approvedUntil),
      })),
    })),
  };
}

/** Unix seconds of a moment of the configuration. */
export function unixS(moment: string): number {
  return Math.max(0, Math.floor(Date.parse(moment) / 1000));
}

/** How a camera may be opened. */
export type CameraRegime =
  | { readonly regime: 'continuous'; readonly delivery: z.infer<typeof delivery> }
  | {
      readonly regime: 'leased';
      readonly terms: LeaseTerms;
      /** Another one when anything of the entry is: an open lease does not outlive it. */
      readonly fingerprint: string;
    };

/**
 * The regime of each camera, with the terms of its partner. A leased camera without a partner stands in it with no
 * regime that anything can be done with: it stands not at all. Nor does one that is withheld.
 */
export function regimesOf(
  config: {
    readonly cameras: readonly (Regime & Named)[];
    readonly partners: readonly PartnerConfig[];
  },
  withheld: ReadonlySet<string> = new Set(),
): ReadonlyMap<string, CameraRegime> {
  const terms = new Map(config.partners.map((entry) => [entry.id, leaseTermsOf(entry)]));
  return new Map(
    config.cameras.flatMap((camera) => {
      const regime = withheld.has(camera.id) ? undefined : regimeOf(camera, terms);
      return regime ? [[camera.id, regime] as const] : [];
    }),
  );
}

function regimeOf(camera: Regime, terms: ReadonlyMap<string, LeaseTerms>): CameraRegime | undefined {
  if (camera.regime === 'continuous')
    return { regime: 'continuous', delivery: camera.delivery ?? 'continuous' };
  const ofPartner = terms.get(camera.partner ?? '');
  return ofPartner && { regime: 'leased', terms: ofPartner, fingerprint: fingerprint(camera) };
}

/** The entry holds an opened login: only its hash goes on. */
function fingerprint(camera: Regime): string {
  return createHash('sha256').update(JSON.stringify(camera)).digest('hex');
}

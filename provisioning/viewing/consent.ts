import { z } from 'zod';
import { ConfigurationError } from '../../agent/base/errors.ts';
import { boundsOf } from '../../agent/config/consent/bounds.ts';
import { placeOf } from '../../agent/config/consent/place.ts';
import { describeIssues } from '../../agent/config/issues.ts';
import { partner as partnerEntry } from '../../agent/config/partners.ts';
import { type ConsentStatement, cameraPlace, consentStatement } from '../../agent/contract/consent.ts';
import { signOrder } from '../../agent/trust/sign.ts';
import { checkSite } from '../folder.ts';
import { orderId } from '../sign.ts';
import type { MemberFolder } from './member.ts';

const DAY_S = 24 * 3600;

export interface ConsentRequest {
  readonly site: string;
  /** The configuration that the CSU wants to sign, or the part of it that concerns the partner. */
  readonly configuration: unknown;
  /** Cameras or addresses that are not the partner's any more. */
  readonly releases: readonly string[];
  /** How long the statement can be taken, days. */
  readonly validDays: number;
}

export interface SignedConsent {
  readonly jws: string;
  readonly statement: ConsentStatement;
}

const bounded = z.strictObject(partnerEntry.shape).omit({ recipients: true, name: true });
/** Where a camera stands; what else its entry holds is not the partner's to judge. */
const placed = z.object({
  ...{ id: z.string(), host: cameraPlace.shape.host, partner: z.string().optional() },
  onvif: z
    .object({
      port: z.int().default(80),
      path: z.string().default('/onvif/device_service'),
      profile: z.string().optional(),
    })
    .optional(),
  rtsp: z.object({ port: z.int().default(554), path: z.string().optional() }).optional(),
});

/**
 * Signs with the partner's own key what it agrees to: the bounds of its entry and the places of its cameras as the
 * configuration has them, and what it gives away.
 * @throws ConfigurationError `command-line-invalid`, `key-file-unreadable`
 */
export async function signConsent(
  partner: MemberFolder,
  { site, configuration, releases, validDays }: ConsentRequest,
  nowMs = Date.now(),
): Promise<SignedConsent> {
  checkSite(site);
  const { id } = await partner.request();
  const key = await partner.signingKey();
  const iat = Math.floor(nowMs / 1000);
  const statement = parsed(consentStatement, {
    ...{ typ: 'consent', aud: site, jti: orderId() },
    ...{ iat, exp: iat + validDays * DAY_S, partner: id },
    ...boundsIn(configuration, id, key.kid),
    cameras: placesIn(configuration, id),
    releases,
  });
  return { jws: signOrder(statement, [key]), statement };
}

/** Nothing when the configuration does not name the partner: then it only gives away. */
function boundsIn(configuration: unknown, id: string, kid: string): Pick<ConsentStatement, 'bounds'> {
  const entry = entriesIn(configuration, 'partners').find((one) => one.id === id);
  if (!entry) return {};
  const { recipients: _recipients, name: _name, ...others } = entry;
  return { bounds: boundsOf(parsed(bounded, { keys: [kid], ...others })) };
}

function placesIn(configuration: unknown, id: string): ConsentStatement['cameras'] {
  return entriesIn(configuration, 'cameras')
    .filter((one) => one.partner === id)
    .map((one) => parsed(placed, one))
    .map((camera) => ({ id: camera.id, place: placeOf(camera) }));
}

function entriesIn(configuration: unknown, list: 'partners' | 'cameras'): Record<string, unknown>[] {
  const entries = (configuration as Record<string, unknown> | null)?.[list];
  return Array.isArray(entries) ? entries.filter((one) => typeof one === 'object' && one !== null) : [];
}

function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ConfigurationError('command-line-invalid', describeIssues(result.error).join('; '));
}

import { createHash } from 'node:crypto';
import { OrderRefusedError } from '../../base/errors.ts';
import { type ConsentStatement, consentStatement } from '../../contract/consent.ts';
import { authenticate, CONFIGURATION_MAX_LIFETIME_S, judgeOrder } from '../../trust/verify.ts';
import type { JudgeNeeds } from '../judge.ts';
import type { Known } from './known.ts';
import { plainHost } from './place.ts';

/** Statements of one partner that are remembered as taken; older ones are refused by their time. */
const MAX_TAKEN = 16;

interface Statement {
  readonly content: ConsentStatement;
  readonly kid: readonly string[];
  readonly hash: string;
}

/**
 * What is known once the statements count, in the order in which they were issued. One that counted already, or is older
 * than one that did, changes nothing; nor does one of a partner that the box does not know yet.
 * @throws OrderRefusedError when one is not signed by the key that its partner is known by, or is over
 */
export function heard(
  before: Known,
  texts: readonly string[],
  needs: JudgeNeeds,
  timeFloorMs: number,
): Known {
  const fresh = texts.filter((text) => !isTaken(before, hashOf(text)));
  const statements = fresh
    .map((text) => read(text, needs, timeFloorMs))
    .sort((a, b) => a.content.iat - b.content.iat);
  const after = structuredClone(before);
  for (const statement of statements) count(after, statement);
  return after;
}

function read(
  text: string,
  { site, keyring, clock, clockTrust }: JudgeNeeds,
  timeFloorMs: number,
): Statement {
  const { claims, signers } = judgeOrder(authenticate(text, keyring), {
    schema: consentStatement,
    audience: site,
    roles: ['partner'],
    clockPolicy: 'floor',
    nowMs: clock.wallMs(),
    clockTrust: clockTrust(),
    timeFloorMs,
    maxLifetimeS: CONFIGURATION_MAX_LIFETIME_S,
  });
  const kid = signers.filter(({ role }) => role === 'partner').map((signer) => signer.kid);
  return { content: claims, kid, hash: hashOf(text) };
}

function count(after: Known, { content, kid, hash }: Statement): void {
  const { partner, bounds, cameras, releases, iat } = content;
  const agreed = after.partners[partner];
  if (!agreed || iat <= agreed.toldS) return;
  if (!kid.some((one) => agreed.bounds.keys.includes(one))) throw notOf(partner, kid);
  after.partners[partner] = {
    bounds: bounds ?? agreed.bounds,
    toldS: iat,
    taken: [...agreed.taken, hash].slice(-MAX_TAKEN),
  };
  for (const released of releases) release(after, partner, released);
  for (const { id, place } of cameras) {
    if ((after.cameras[id]?.partner ?? partner) !== partner) continue;
    after.cameras[id] = { partner, place: { ...place, host: plainHost(place.host) } };
    after.hosts[plainHost(place.host)] ??= partner;
  }
}

/** A camera goes with its address, unless another camera of the partner stands there. */
function release(after: Known, partner: string, released: string): void {
  const camera = after.cameras[released];
  if (camera?.partner === partner) delete after.cameras[released];
  const host = camera?.partner === partner ? camera.place.host : plainHost(released);
  const used = Object.values(after.cameras).some(({ place }) => place.host === host);
  if (after.hosts[host] === partner && !used) delete after.hosts[host];
}

function isTaken({ partners }: Known, hash: string): boolean {
  return Object.values(partners).some(({ taken }) => taken.includes(hash));
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function notOf(partner: string, kid: readonly string[]): OrderRefusedError {
  return new OrderRefusedError(
    'partner-consent',
    `consents: expected a statement signed by the key that partner ${partner} is known by, came ${kid.join(', ')}`,
  );
}

import type { LawCheck, LawVerdict } from '../../contract/law.ts';
import type { Fields } from '../../contract/messages.ts';
import { type LawEvidence, type LegalProfile, ROLE_LIMITS } from './facts.ts';

/** A camera that is told 12 often gives 11.99; a picture less in a window is no breach. Source: guess. */
const RATE_TOLERANCE = 0.98;
const DAY_MS = 86_400_000;

type LawFields = Omit<Fields<'law'>, 'camera' | 'name' | 'side'>;
type Part<K extends keyof LawFields> = Pick<LawFields, K>;

/** Each check of the legal profile with its verdict and its numbers. What cannot be verified is never ok. */
export function judgeLaw(profile: LegalProfile, evidence: LawEvidence, clockLimitMs: number): LawFields {
  const checks = {
    ...resolution(profile, evidence),
    ...rate(profile, evidence),
    ...clock(evidence, clockLimitMs),
    ...saidOf(profile, evidence),
    ...authorisation(profile, evidence),
  };
  const state = stateOf(Object.values(verdictsOf(checks)));
  return { ...(profile.role && { role: profile.role }), state, ...checks };
}

/** What was well when the camera last said so may not be any more; a breach stays one until it says otherwise. */
function saidOf(profile: LegalProfile, evidence: LawEvidence) {
  const judged = { ...sound(evidence), ...masks(profile, evidence), ...card(profile, evidence) };
  if (!evidence.saidIsOld) return judged;
  return {
    ...judged,
    sound: judged.sound_by === 'profiles' ? doubted(judged.sound) : judged.sound,
    masks: doubted(judged.masks),
    card: doubted(judged.card),
  };
}

function doubted(verdict: LawVerdict): LawVerdict {
  return verdict === 'ok' ? 'unknown' : verdict;
}

/** The verdicts by what they are about. */
export function verdictsOf(
  fields: Pick<LawFields, Exclude<LawCheck, 'clock'> | 'clock_verdict'>,
): Record<LawCheck, LawVerdict> {
  const { resolution: r, rate: f, clock_verdict: c, sound: s, masks: m, card: k, authorisation: a } = fields;
  return { resolution: r, rate: f, clock: c, sound: s, masks: m, card: k, authorisation: a };
}

function stateOf(verdicts: readonly LawVerdict[]): LawFields['state'] {
  if (verdicts.includes('breach')) return 'breach';
  const isGood = (verdict: LawVerdict) => ['ok', 'ends-soon', 'not-asked'].includes(verdict);
  return verdicts.every(isGood) ? 'compliant' : 'unverified';
}

/** A camera that is turned for a corridor gives its width as its height. */
function resolution(
  { role, faceThumbnails }: LegalProfile,
  { width, height }: LawEvidence,
): Part<'resolution' | 'width' | 'height' | 'min_width' | 'min_height'> {
  if (role === undefined) return { resolution: 'not-asked' };
  const limits = ROLE_LIMITS[role];
  const asked = { min_width: limits.width, min_height: limits.height };
  if (!width || !height) return { resolution: 'unknown', ...asked };
  const isLarge = Math.max(width, height) >= limits.width && Math.min(width, height) >= limits.height;
  const small = faceThumbnails ? 'not-verifiable' : 'breach';
  return { resolution: isLarge ? 'ok' : small, width, height, ...asked };
}

/** By pictures that arrived: a rate that the camera declares, or that is made of fewer, does not count. */
function rate(
  { role }: LegalProfile,
  { fps, fpsBefore }: LawEvidence,
): Part<'rate' | 'rate_fps' | 'min_fps'> {
  if (role === undefined) return { rate: 'not-asked' };
  const { fps: min } = ROLE_LIMITS[role];
  if (fps === undefined) return { rate: 'unknown', min_fps: min };
  const isLow = (value: number) => value < min * RATE_TOLERANCE;
  const verdict = !isLow(fps) ? 'ok' : fpsBefore !== undefined && isLow(fpsBefore) ? 'breach' : 'unknown';
  return { rate: verdict, rate_fps: fps, min_fps: min };
}

/** A measurement that is less certain than the limit proves nothing. */
function clock(
  { clockOffsetMs, clockOff, clockUncertaintyMs = 0, clockIsOld }: LawEvidence,
  limitMs: number,
): Part<'clock_verdict' | 'clock_offset_ms' | 'clock_limit_ms'> {
  if (clockOffsetMs === undefined) return { clock_verdict: 'unknown', clock_limit_ms: limitMs };
  const proven = clockUncertaintyMs > limitMs ? 'not-verifiable' : clockIsOld ? 'unknown' : 'ok';
  return {
    clock_verdict: clockOff ? 'breach' : proven,
    clock_offset_ms: Math.round(clockOffsetMs),
    clock_limit_ms: limitMs,
  };
}

/** Either word is enough for a breach; without that of the profiles, the description of the stream is what there is. */
function sound({ said, streamSound }: LawEvidence): Part<'sound' | 'sound_profiles' | 'sound_by'> {
  const profiles = said?.soundProfiles;
  const numbers = profiles === undefined ? {} : { sound_profiles: profiles };
  if (streamSound) return { sound: 'breach', sound_by: 'stream', ...numbers };
  if (profiles !== undefined)
    return { sound: profiles > 0 ? 'breach' : 'ok', sound_by: 'profiles', ...numbers };
  if (said === undefined) return { sound: 'unknown' };
  return streamSound === undefined ? { sound: 'not-verifiable' } : { sound: 'ok', sound_by: 'stream' };
}

function masks(
  { masksSha256: approved }: LegalProfile,
  { said }: LawEvidence,
): Part<'masks' | 'masks_count' | 'masks_sha256'> {
  const found = said?.masks;
  const numbers = found ? { masks_count: found.count, masks_sha256: found.sha256 } : {};
  if (approved === undefined) return { masks: 'not-asked', ...numbers };
  if (said === undefined) return { masks: 'unknown' };
  if (!found) return { masks: 'not-verifiable' };
  return { masks: found.sha256 === approved ? 'ok' : 'breach', ...numbers };
}

/** A camera without a card may still say nothing of one: only what it says can be held against it. */
function card(
  { cardDays }: LegalProfile,
  { said }: LawEvidence,
): Part<'card' | 'card_days' | 'card_limit_days'> {
  const found = said?.card;
  const limit = cardDays === undefined ? {} : { card_limit_days: cardDays };
  if (cardDays === undefined) return { card: found && found.recordings > 0 ? 'breach' : 'not-asked' };
  if (said === undefined) return { card: 'unknown', ...limit };
  if (!found || found.recordings === 0) return { card: 'not-verifiable', ...limit };
  const isLong = found.keptDays === undefined || found.keptDays > cardDays;
  const days = found.keptDays === undefined ? {} : { card_days: Math.round(found.keptDays * 100) / 100 };
  return { card: isLong ? 'breach' : 'ok', ...days, ...limit };
}

function authorisation(
  { authorisation: given }: LegalProfile,
  { today }: LawEvidence,
): Part<'authorisation' | 'authorisation_reference' | 'authorisation_until' | 'authorisation_days'> {
  if (!given) return { authorisation: 'not-asked' };
  const { reference, until, warnDays } = given;
  const named = { authorisation_reference: reference, authorisation_until: until };
  if (today === undefined) return { authorisation: 'unknown', ...named };
  const days = Math.round((Date.parse(until) - Date.parse(today)) / DAY_MS);
  const verdict = days < 0 ? 'breach' : days <= warnDays ? 'ends-soon' : 'ok';
  return { authorisation: verdict, ...named, authorisation_days: days };
}

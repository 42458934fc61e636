import type { Code } from '../base/codes.ts';
import type { TlsFacts } from '../camera/tls-facts.ts';
import type { LawRole } from '../contract/law.ts';
import { zoneError } from '../health/clock-zone.ts';
import { ROLE_LIMITS } from '../health/law/facts.ts';
import { judgeLaw } from '../health/law/judge.ts';
import { type Examination, mainProfile } from './examine.ts';

/** What stands for or against a camera, with the numbers that it is said by. */
export interface Remark {
  readonly about: Subject;
  /** `blocking`: it cannot be connected as it is; `change`: something must be set or done; `open`: could not be found out. */
  readonly weight: 'good' | 'note' | 'change' | 'open' | 'blocking';
  /** Which words say it. */
  readonly word: RemarkWord;
  readonly detail: string;
}

type Subject =
  | 'access'
  | 'profiles'
  | 'codec'
  | 'stream'
  | 'law'
  | 'clock'
  | 'events'
  | 'ptz'
  | 'masks'
  | 'sound'
  | 'card'
  | 'tls';

export type RemarkWord =
  | 'unreachable'
  | 'no-onvif'
  | 'elsewhere'
  | 'login-none'
  | 'login-refused'
  | 'login-insecure'
  | 'login-good'
  | 'onvif-failed'
  | 'profile-t'
  | 'profile-s'
  | 'profile-none'
  | 'codec-good'
  | 'codec-none'
  | 'stream-good'
  | 'stream-none'
  | 'stream-failed'
  | 'stream-unknown'
  | 'stream-lossy'
  | 'substream-good'
  | 'substream-failed'
  | 'rtsps-good'
  | 'rtsps-old'
  | 'rate-below'
  | 'gop-long'
  | 'law-good'
  | 'law-some'
  | 'law-none'
  | 'clock-good'
  | 'clock-off'
  | 'clock-zone'
  | 'clock-unknown'
  | 'events-good'
  | 'events-plain'
  | 'events-none'
  | 'ptz-yes'
  | 'ptz-no'
  | 'masks-some'
  | 'masks-none'
  | 'masks-unverifiable'
  | 'sound-on'
  | 'sound-off'
  | 'card-records'
  | 'tls-good'
  | 'tls-old'
  | 'tls-none';

export const VERDICTS = ['compatible', 'after-changes', 'incompatible', 'undecided'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Source: the default of health.clockOffsetLimitMs. */
const CLOCK_LIMIT_MS = 2_000;
/** A viewer waits for the next key picture; the cache of the box holds one group. Source: guess. */
const GOP_LIMIT_S = 4;
/** Source: the default of health.lossLimitPercent. */
const LOSS_LIMIT_PERCENT = 2;
/** A camera that is told 25 often gives 24. Source: guess. */
const RATE_SHARE = 0.9;
/** Topics that tell of tampering. @see ONVIF Imaging, Analytics; Device/Tampering of makers */
const TAMPER = /tamper|globalscenechange|imagetoo/i;

const ROLES = Object.keys(ROLE_LIMITS) as LawRole[];

/** For which roles of the arrêté of 3 August 2007 the measured stream is good enough. */
export function rolesOf({ stream }: Examination): LawRole[] {
  if (!stream || stream.width === 0) return [];
  const evidence = {
    ...{ width: stream.width, height: stream.height, fps: stream.fps, fpsBefore: stream.fps },
    ...{ clockOffsetMs: undefined, clockOff: false, said: undefined, today: undefined },
  };
  return ROLES.filter((role) => {
    const { resolution, rate } = judgeLaw({ role, faceThumbnails: false }, evidence, CLOCK_LIMIT_MS);
    return resolution === 'ok' && rate === 'ok';
  });
}

/**
 * Everything that is to be said of a camera, in the order in which a technician goes through it.
 * @param nowMs Unix ms, against which certificates are held
 */
export function remarksOn(seen: Examination, nowMs: number): Remark[] {
  return [
    ...access(seen),
    ...announced(seen),
    ...conformance(seen),
    ...codec(seen),
    ...stream(seen),
    ...others(seen),
    ...encrypted(seen, nowMs),
    ...law(seen),
    ...clock(seen),
    ...events(seen),
    ...ptz(seen),
    ...privacy(seen),
    ...tls(seen, nowMs),
  ];
}

export function verdictOf(remarks: readonly Remark[]): Verdict {
  const has = (weight: Remark['weight']) => remarks.some((remark) => remark.weight === weight);
  if (has('blocking')) return 'incompatible';
  if (has('open')) return 'undecided';
  return has('change') ? 'after-changes' : 'compatible';
}

function remark(
  about: Subject,
  weight: Remark['weight'],
  word: RemarkWord,
  detail: string | number = '',
): Remark[] {
  return [{ about, weight, word, detail: String(detail) }];
}

function access({ onvif, failures, identity, stream, loginGiven }: Examination): Remark[] {
  const of = (...codes: Code[]) =>
    failures.find(({ step, code }) => step !== 'substream' && codes.includes(code));
  const refused = of('camera-login-refused', 'camera-latched');
  if (refused) return remark('access', 'open', loginGiven ? 'login-refused' : 'login-none', refused.step);
  if (of('camera-insecure-login')) return remark('access', 'change', 'login-insecure');
  const away = failures.find(({ step }) => step === 'onvif');
  if (away) {
    if (away.code === 'camera-silent') return remark('access', 'open', 'onvif-failed', away.detail);
    const isClosed = away.code === 'camera-port-closed';
    return remark('access', 'open', isClosed ? 'no-onvif' : 'unreachable', away.detail);
  }
  if (!onvif) return remark('access', stream ? 'change' : 'open', 'no-onvif');
  const failed = failures.find(({ step }) => step === 'clock' || step === 'login');
  if (!identity && failed) return remark('access', 'open', 'onvif-failed', failed.code);
  return remark('access', 'good', 'login-good');
}

function announced({ device }: Examination): Remark[] {
  const elsewhere = device?.elsewhere ?? [];
  return elsewhere.length > 0 ? remark('access', 'note', 'elsewhere', elsewhere.join(', ')) : [];
}

function conformance({ offer, device }: Examination): Remark[] {
  if (!offer && !device) return [];
  const letters = [...new Set([...(offer?.profiles ?? []), ...(device?.profiles ?? [])])].sort();
  const detail = letters.join(', ');
  if (letters.includes('T')) return remark('profiles', 'good', 'profile-t', detail);
  if (letters.includes('S')) return remark('profiles', 'change', 'profile-s', detail);
  return remark('profiles', 'note', 'profile-none', detail);
}

function codec({ profiles }: Examination): Remark[] {
  if (!profiles) return [];
  const usable = profiles.filter(({ codec }) => codec !== 'other');
  const detail = usable
    .slice(0, 8)
    .map(({ codec, width, height, fps, kbps }) =>
      [`${codec.toUpperCase()} ${width}×${height}`, fps && `${fps} i/s`, kbps && `${kbps} kbit/s`]
        .filter(Boolean)
        .join(' '),
    )
    .join(' ; ');
  return usable.length > 0
    ? remark('codec', 'good', 'codec-good', detail)
    : remark('codec', 'blocking', 'codec-none');
}

function stream(seen: Examination): Remark[] {
  const { stream: measured, failures } = seen;
  const failed = failures.find(({ step }) => step === 'stream');
  if (!measured && failed?.code.startsWith('camera-login')) return [];
  if (!measured && failed) return remark('stream', 'blocking', 'stream-failed', failed.code);
  if (!measured) return remark('stream', 'open', 'stream-unknown');
  const { fps, gopFrames, lostPercent } = measured;
  if (fps === 0) return remark('stream', 'blocking', 'stream-none');
  const declared = mainProfile(seen.profiles ?? [])?.fps;
  const gopS = Math.round((gopFrames / fps) * 10) / 10;
  return [
    ...remark('stream', 'good', 'stream-good'),
    ...(declared !== undefined && fps < declared * RATE_SHARE
      ? remark('stream', 'change', 'rate-below', `${fps} / ${declared}`)
      : []),
    ...(gopS > GOP_LIMIT_S ? remark('stream', 'change', 'gop-long', gopS) : []),
    ...(lostPercent > LOSS_LIMIT_PERCENT ? remark('stream', 'change', 'stream-lossy', lostPercent) : []),
  ];
}

function others({ others: streams }: Examination): Remark[] {
  return streams.flatMap(({ name, stream: measured, code }) => {
    if (!measured || measured.fps === 0)
      return remark('stream', 'note', 'substream-failed', [name, code].filter(Boolean).join(', '));
    const { codec: coding, width, height, fps, kbps } = measured;
    const size = `${coding.toUpperCase()} ${width}×${height}`;
    return remark(
      'stream',
      'good',
      'substream-good',
      `${name} ${size} ${fps} i/s ${Math.round(kbps)} kbit/s`,
    );
  });
}

/** What is to be pinned, since cameras make their certificates themselves. */
function encrypted({ streamTls: facts }: Examination, nowMs: number): Remark[] {
  if (!facts) return [];
  const ends = facts.endsMs > 0 ? new Date(facts.endsMs).toISOString().slice(0, 10) : '?';
  const said = `${facts.protocol}, ${ends}, ${facts.sha256}`;
  return isOver(facts, nowMs)
    ? remark('stream', 'change', 'rtsps-old', said)
    : remark('stream', 'good', 'rtsps-good', said);
}

function law(seen: Examination): Remark[] {
  if (!seen.stream || seen.stream.fps === 0) return [];
  const roles = rolesOf(seen);
  if (roles.length === 0) return remark('law', 'change', 'law-none');
  const isEvery = roles.length === ROLES.length;
  return remark('law', isEvery ? 'good' : 'note', isEvery ? 'law-good' : 'law-some', roles.join(', '));
}

function clock({ clock: offset, onvif }: Examination): Remark[] {
  if (!onvif) return [];
  if (!offset) return remark('clock', 'note', 'clock-unknown');
  const seconds = Math.round(offset.offsetMs / 100) / 10;
  const offMs = Math.abs(offset.offsetMs) - offset.uncertaintyMs;
  if (offMs <= CLOCK_LIMIT_MS) return remark('clock', 'good', 'clock-good', seconds);
  const isZone = zoneError(offset.offsetMs) !== undefined;
  return remark('clock', 'change', isZone ? 'clock-zone' : 'clock-off', seconds);
}

function events({ offer }: Examination): Remark[] {
  if (!offer) return [];
  if (!offer.services.includes('events')) return remark('events', 'note', 'events-none');
  const tamper = offer.topics.filter((topic) => TAMPER.test(topic));
  return tamper.length > 0
    ? remark('events', 'good', 'events-good', tamper.slice(0, 4).join(', '))
    : remark('events', 'note', 'events-plain', offer.topics.length);
}

function ptz({ offer }: Examination): Remark[] {
  if (!offer) return [];
  return remark('ptz', 'note', offer.services.includes('ptz') ? 'ptz-yes' : 'ptz-no');
}

function privacy({ masks, profiles, card }: Examination): Remark[] {
  const sounding = profiles?.filter(({ hasAudio }) => hasAudio).length;
  return [
    ...(masks === null ? remark('masks', 'note', 'masks-unverifiable') : []),
    ...(masks ? remark('masks', 'note', masks.count > 0 ? 'masks-some' : 'masks-none', masks.count) : []),
    ...(sounding === undefined
      ? []
      : sounding > 0
        ? remark('sound', 'change', 'sound-on', sounding)
        : remark('sound', 'good', 'sound-off')),
    ...(card && card.recordings > 0 ? remark('card', 'note', 'card-records', card.recordings) : []),
  ];
}

/** @see ANSSI-PA-72 R50, R53; PA-035 */
function tls({ tls: facts }: Examination, nowMs: number): Remark[] {
  if (!facts) return remark('tls', 'note', 'tls-none');
  return isOver(facts, nowMs)
    ? remark('tls', 'change', 'tls-old', facts.protocol)
    : remark('tls', 'note', 'tls-good', facts.protocol);
}

function isOver({ endsMs }: TlsFacts, nowMs: number): boolean {
  return endsMs < nowMs;
}

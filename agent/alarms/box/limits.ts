import type { ClockTrust } from '../../base/clock.ts';
import type { Code } from '../../base/codes.ts';
import type { BoxPoint } from '../ports.ts';
import { type Said, UNKNOWN } from './said.ts';

/** A temperature must fall this far below its limit until the alarm ends. Source: guess. */
const HYSTERESIS_C = 5;
/** Free space must rise this far above its limit until the alarm ends, as a share of it. Source: guess. */
const HYSTERESIS_DISK = 0.1;
const DAY_MS = 24 * 3600 * 1000;

type Limit<K extends BoxPoint['kind']> = Extract<BoxPoint, { kind: K }>;

/** @param raised whether the alarm is there already, as with the others */
export function disk({ belowMb }: Limit<'box-disk'>, freeMb: number | undefined, raised: boolean): Said {
  if (freeMb === undefined) return UNKNOWN;
  const limitMb = raised ? belowMb * (1 + HYSTERESIS_DISK) : belowMb;
  return { active: freeMb < limitMb, cause: 'disk-nearly-full', text: `${Math.floor(freeMb)} MB` };
}

export function temperature(
  { aboveC }: Limit<'box-temperature'>,
  nowC: number | undefined,
  raised: boolean,
): Said {
  if (nowC === undefined) return UNKNOWN;
  const limitC = raised ? aboveC - HYSTERESIS_C : aboveC;
  return { active: nowC > limitC, cause: 'box-hot', text: `${nowC} °C` };
}

export function wear({ abovePercent }: Limit<'box-disk-wear'>, percent: number | undefined): Said {
  if (percent === undefined) return UNKNOWN;
  return { active: percent > abovePercent, cause: 'disk-worn', text: `${percent} %` };
}

/** @param fault undefined while nothing was measured */
export function backbone(
  fault: { readonly cause: Code | 'none'; readonly detail: string } | undefined,
): Said {
  if (fault === undefined) return UNKNOWN;
  const { cause, detail } = fault;
  return cause === 'none' ? { active: false } : { active: true, cause, text: detail };
}

export function outbox({ abovePercent }: Limit<'box-outbox'>, percent: number, raised: boolean): Said {
  const limit = raised ? abovePercent / 2 : abovePercent;
  return { active: percent > limit, cause: 'outbox-filling', text: `${Math.floor(percent)} %` };
}

/** A clock that cannot be believed judges no certificate. */
export function certificate(
  { days }: Limit<'box-certificate'>,
  endsMs: number | undefined,
  { wallMs, trust }: { readonly wallMs: number; readonly trust: ClockTrust },
): Said {
  if (endsMs === undefined || trust === 'untrusted') return UNKNOWN;
  const left = (endsMs - wallMs) / DAY_MS;
  return {
    active: left < days,
    cause: left <= 0 ? 'certificate-expired' : 'certificate-ending',
    text: new Date(endsMs).toISOString().slice(0, 10),
  };
}

export function clock(trust: ClockTrust): Said {
  const cause = trust === 'untrusted' ? 'clock-untrusted' : 'clock-unsynchronised';
  return { active: trust !== 'synced', cause };
}

/** A database that was set aside is an alarm until somebody has taken it away. */
export function store(durable: boolean, setAside: readonly string[]): Said {
  if (!durable) return { active: true, cause: 'store-unavailable' };
  return { active: setAside.length > 0, cause: 'store-damaged', text: setAside.at(-1) };
}

/** What the last inventory found, one line each; undefined before the first. */
export function seen(found: readonly string[] | undefined, cause: 'device-unknown' | 'camera-moved'): Said {
  if (!found) return UNKNOWN;
  return { active: found.length > 0, cause, text: found.join('; ') };
}

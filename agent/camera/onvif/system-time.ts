import type { Clock } from '../../base/clock.ts';
import { DeviceError, PeerProtocolError } from '../../base/errors.ts';
import { quoted } from '../../base/text.ts';
import type { HttpReply } from '../http/exchange.ts';
import { utcMs } from './date-time.ts';
import { type Ask, askDevice } from './package.ts';
import { at, textAt, type XmlElement } from './xml.ts';

/** How far the clock of a camera is from the wall clock of the box; positive when the camera is ahead. */
export interface ClockOffset {
  readonly offsetMs: number;
  /** Half the round trip, and half the second to which the camera cuts its time. */
  readonly uncertaintyMs: number;
  /** Nobody but a person sets it, as the camera says. */
  readonly setByHand?: boolean;
}

const HALF_SECOND_MS = 500;

/**
 * Measures the offset by GetSystemDateAndTime. What the camera calls UTC is taken as UTC: a camera that sends its
 * local time shows as an offset.
 * @throws DeviceError `camera-unsupported` when the camera gives no UTC; PeerProtocolError `camera-protocol` when it
 * gives an impossible date; and what `ask` throws
 * @see ONVIF Core §8.3.5
 */
export async function measureClock(ask: Ask, camera: string): Promise<ClockOffset> {
  const { content, reply } = await askDevice(ask, (device) => device.getSystemDateAndTime());
  const setByHand = textAt(content, 'SystemDateAndTime', 'DateTimeType').toLowerCase() === 'manual';
  return { ...clockOffset(readUtc(content, camera), reply), setByHand };
}

/** The time of the camera against the middle of the round trip. */
function clockOffset(cameraMs: number, reply: HttpReply): ClockOffset {
  const halfTripMs = Math.max(0, reply.answeredMonotonicMs - reply.sentMonotonicMs) / 2;
  const middleWallMs = reply.answeredWallMs - halfTripMs;
  return {
    offsetMs: Math.round(cameraMs + HALF_SECOND_MS - middleWallMs),
    uncertaintyMs: Math.round(halfTripMs + HALF_SECOND_MS),
  };
}

function readUtc(content: XmlElement, camera: string): number {
  const utc = at(content, 'SystemDateAndTime', 'UTCDateTime');
  if (!utc) throw new DeviceError('camera-unsupported', `${camera}: expected the time in UTC, came none`);
  const fields = ['Year', 'Month', 'Day'].map((name) => textAt(utc, 'Date', name));
  fields.push(...['Hour', 'Minute', 'Second'].map((name) => textAt(utc, 'Time', name)));
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = fields.map(wholeNumber);
  const ms = utcMs({ year, month, day, hour, minute, second });
  if (ms !== undefined) return ms;
  const message = `${camera}: expected a date that exists, came ${quoted(fields.join(' '))}`;
  throw new PeerProtocolError('camera-protocol', message);
}

function wholeNumber(text: string): number {
  return /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
}

/** How old a measured offset may be when a login token is made with it. Source: guess. */
const MAX_AGE_MS = 300_000;

/** The clock of one camera, as far as it is known. */
export class CameraClock {
  readonly #clock: Clock;
  #last: { readonly offset: ClockOffset; readonly atMonotonicMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  keep(offset: ClockOffset): void {
    this.#last = { offset, atMonotonicMs: this.#clock.monotonicMs() };
  }

  /** The last measurement; undefined when there is none or it is too old. */
  get fresh(): ClockOffset | undefined {
    const last = this.#last;
    return last && this.#clock.monotonicMs() - last.atMonotonicMs <= MAX_AGE_MS ? last.offset : undefined;
  }
}

import type { Code } from '../base/codes.ts';
import type { HealthState } from '../contract/messages.ts';
import { zoneError } from './clock-zone.ts';
import { type Evidence, fresh, type HealthLimits, type LoginState, type PortAnswer } from './evidence.ts';
import { KEYLESS } from './key-pictures.ts';
import { AUTHORISATION } from './law/watch.ts';
import { timeSourceTrouble } from './time-source.ts';

type Known = 'yes' | 'no' | 'unknown';

export interface Layers {
  readonly reachable: Known;
  readonly login: LoginState;
  readonly described: Known;
  readonly flowing: Known;
}

export interface Verdict {
  readonly state: HealthState;
  readonly cause: Code | 'none';
  readonly detail: string;
}

/** Pictures must have come for this long before a camera is called well again. Source: guess. */
export const RECOVERY_MS = 2_000;

/** The stream is tried again within this after the network has come back. Source: guess, above its longest back-off. */
const RETRY_MS = 15_000;

/** Measures come a little late. Source: guess. */
const MEASURE_SLACK_MS = 500;

/** What is known of each layer now. */
export function layersOf(evidence: Evidence, limits: HealthLimits, nowMs: number): Layers {
  const flowing = flowingOf(evidence, limits, nowMs);
  return {
    reachable: flowing === 'yes' ? 'yes' : reachableOf(evidence, limits, nowMs),
    login: evidence.login,
    described: evidence.leased
      ? ownDescribed(evidence, limits, nowMs, flowing)
      : describedOf(evidence, flowing),
    flowing,
  };
}

function describedOf(evidence: Evidence, flowing: Known): Known {
  if (evidence.described || flowing === 'yes') return 'yes';
  return evidence.failure ? 'no' : 'unknown';
}

function ownDescribed(evidence: Evidence, limits: HealthLimits, nowMs: number, flowing: Known): Known {
  if (flowing === 'yes') return 'yes';
  const own = fresh(evidence.ownDescribe, limits, nowMs);
  if (own === undefined) return 'unknown';
  return own === 'described' ? 'yes' : 'no';
}

/**
 * The verdict on a camera, the deepest cause first: what cannot be reached explains everything above it.
 * @returns undefined while the evidence does not allow a verdict: a check runs, the silence is still short, the
 *   pictures have just come back, or our own process was late
 */
export function judgeCamera(evidence: Evidence, limits: HealthLimits, nowMs: number): Verdict | undefined {
  if (evidence.ourselvesLate) return undefined;
  if (flowingOf(evidence, limits, nowMs) === 'yes') return judgeFlowing(evidence, limits, nowMs);
  if (evidence.probing || silenceIsShort(evidence, limits, nowMs)) return undefined;
  const network = networkVerdict(evidence, limits, nowMs);
  if (network) return network;
  return isClosed(evidence) ? closedVerdict(evidence, limits, nowMs) : streamVerdict(evidence, limits, nowMs);
}

/** A partner's camera outside of a lease, which nothing pulls, or in its first moments. */
function isClosed({ leased, phase, failure, lastFlowAtMs }: Evidence): boolean {
  const begins = phase !== 'stalled' && phase !== 'failed' && lastFlowAtMs === undefined;
  return leased && begins && failure === undefined;
}

/** It is as well as can be known without a picture. */
function closedVerdict(evidence: Evidence, limits: HealthLimits, nowMs: number): Verdict {
  if (evidence.login === 'latched') return down('camera-latched', 'login latched');
  if (evidence.login === 'refused') return down('camera-login-refused', 'the camera refuses the login');
  const own = fresh(evidence.ownDescribe, limits, nowMs);
  if (own === undefined) return { ...WAITING, detail: 'waiting for the description of the stream' };
  if (own !== 'described') return down(own.code, own.detail);
  return degraded(evidence, limits, nowMs) ?? { state: 'ok', cause: 'none', detail: '' };
}

function judgeFlowing(evidence: Evidence, limits: HealthLimits, nowMs: number): Verdict | undefined {
  const sinceMs = evidence.flowingSinceMs ?? nowMs;
  if (nowMs - sinceMs < RECOVERY_MS) return undefined;
  return degraded(evidence, limits, nowMs) ?? { state: 'ok', cause: 'none', detail: '' };
}

function flowingOf(evidence: Evidence, limits: HealthLimits, nowMs: number): Known {
  const { phase, lastFlowAtMs } = evidence;
  if (phase === 'stalled' || phase === 'failed') return 'no';
  if (!evidence.videoRunning || phase === undefined || phase === 'stopped') return 'unknown';
  if (phase !== 'playing') return evidence.failure ? 'no' : 'unknown';
  if (lastFlowAtMs === undefined) return 'unknown';
  if (nowMs - lastFlowAtMs <= flowAgeLimitMs(evidence, limits)) return 'yes';
  return measuresAreLate(evidence, nowMs) ? 'unknown' : 'no';
}

/** Without measures nothing is known of the pictures: that is the fault of the video process, not of the camera. */
function measuresAreLate(evidence: Evidence, nowMs: number): boolean {
  const atMs = evidence.lastMeasureAtMs;
  return atMs === undefined || nowMs - atMs > evidence.measurePeriodMs + MEASURE_SLACK_MS;
}

function flowAgeLimitMs(evidence: Evidence, limits: HealthLimits): number {
  return Math.max(limits.stallTimeoutMs, evidence.measurePeriodMs) + MEASURE_SLACK_MS;
}

/** A stream that was cut a moment ago may be back before it counts as a stall; a stall has been waited out already. */
function silenceIsShort(evidence: Evidence, limits: HealthLimits, nowMs: number): boolean {
  if (evidence.phase === 'stalled' || evidence.lastFlowAtMs === undefined) return false;
  return nowMs - evidence.lastFlowAtMs < limits.stallTimeoutMs;
}

function reachableOf(evidence: Evidence, limits: HealthLimits, nowMs: number): Known {
  const answers = portAnswers(evidence, limits, nowMs);
  if (answers.some((answer) => answer === 'open' || answer === 'closed')) return 'yes';
  if (pingAnswers(evidence)) return 'yes';
  return answers.length > 0 ? 'no' : 'unknown';
}

function portAnswers(evidence: Evidence, limits: HealthLimits, nowMs: number): PortAnswer[] {
  const facts = [evidence.rtspPort, evidence.onvifPort];
  return facts.flatMap((fact) => portAnswer(fact, evidence, limits, nowMs) ?? []);
}

/** Ports and echo are asked together. */
const TOGETHER_MS = 1_500;

/** An echo that came with the last word of the ports, or after it: one from before says nothing of now. */
function pingAnswers({ ping, rtspPort, onvifPort, lastFlowAtMs = 0 }: Evidence): boolean {
  if (ping?.value !== 'answers' || ping.atMs < lastFlowAtMs) return false;
  return ping.atMs >= lastAsked(rtspPort, onvifPort) - TOGETHER_MS;
}

function lastAsked(...facts: (Evidence['rtspPort'] | undefined)[]): number {
  return Math.max(...facts.map((fact) => fact?.atMs ?? Number.NEGATIVE_INFINITY));
}

/** An answer that is young, and younger than the last picture: pictures prove more than a probe before them. */
function portAnswer(fact: Evidence['rtspPort'], evidence: Evidence, limits: HealthLimits, nowMs: number) {
  const isOlder = fact !== undefined && fact.atMs < (evidence.lastFlowAtMs ?? fact.atMs);
  return isOlder ? undefined : fresh(fact, limits, nowMs);
}

function networkVerdict(evidence: Evidence, limits: HealthLimits, nowMs: number): Verdict | undefined {
  const { host, rtspPortNumber } = evidence;
  const reachable = reachableOf(evidence, limits, nowMs);
  if (reachable === 'no')
    return down('camera-unreachable', noAnswer(host, portAnswers(evidence, limits, nowMs)));
  const rtsp = portAnswer(evidence.rtspPort, evidence, limits, nowMs);
  if (reachable !== 'yes' || rtsp === undefined || rtsp === 'open') return undefined;
  const silent = pingAnswers(evidence)
    ? 'answers to ping, but not on the stream port'
    : 'answers on another port, but not on the stream port';
  const how = rtsp === 'closed' ? 'refuses the stream port' : silent;
  return down('camera-port-closed', `${host} ${how} ${rtspPortNumber}`);
}

/** A name that leads nowhere is the fault of the name service or of the configuration before that of the camera. */
function noAnswer(host: string, answers: readonly PortAnswer[]): string {
  return answers.includes('unnamed')
    ? `the name service of the box knows no address for ${host}`
    : `${host} does not answer on the network`;
}

function streamVerdict(evidence: Evidence, limits: HealthLimits, nowMs: number): Verdict | undefined {
  if (!evidence.videoRunning) return ownFault('the video process is not running');
  const failure = evidence.failure?.value;
  if (evidence.login === 'latched') return down('camera-latched', failure?.detail ?? 'login latched');
  if (!failure) return withoutFailure(evidence, limits, nowMs);
  if (failure.code === 'video-process-late')
    return { state: 'unknown', cause: failure.code, detail: failure.detail };
  if (isNetworkCode(failure.code)) return networkIsBack(evidence, nowMs);
  return down(failure.code, failure.detail);
}

function withoutFailure(evidence: Evidence, limits: HealthLimits, nowMs: number): Verdict {
  const { phase, lastFlowAtMs } = evidence;
  if (phase === 'playing' && measuresAreLate(evidence, nowMs))
    return ownFault('the video process sends no measures of this stream');
  if (phase === 'stalled' || (phase === 'playing' && lastFlowAtMs !== undefined))
    return down('camera-stalled', 'the stream is open, but no picture comes');
  return phase === undefined ? withoutStream(evidence, limits, nowMs) : WAITING;
}

const WAITING: Verdict = { state: 'unknown', cause: 'none', detail: 'waiting for the first pictures' };

/** No stream was asked for yet, perhaps because ONVIF would have to name it. */
function withoutStream(evidence: Evidence, limits: HealthLimits, nowMs: number): Verdict {
  if (evidence.login === 'refused') return down('camera-login-refused', 'ONVIF refuses the login');
  const failure = fresh(evidence.onvifFailure, limits, nowMs);
  return failure ? down(failure.code, failure.detail) : WAITING;
}

function ownFault(detail: string): Verdict {
  return { state: 'unknown', cause: 'video-process-down', detail };
}

function isNetworkCode(code: Code): boolean {
  return code === 'camera-unreachable' || code === 'camera-port-closed';
}

/** The stream could not connect, but the port is open to our own probe, or nothing is known of it. */
function networkIsBack(evidence: Evidence, nowMs: number): Verdict | undefined {
  if (evidence.rtspBackAtMs !== undefined && nowMs - evidence.rtspBackAtMs < RETRY_MS) return undefined;
  const { code, detail } = evidence.failure?.value ?? { code: 'camera-silent', detail: '' };
  if (evidence.rtspPort?.value !== 'open') return down(code, detail);
  return down(
    'camera-silent',
    `port ${evidence.rtspPortNumber} of ${evidence.host} is open, but the stream does not come`,
  );
}

function degraded(evidence: Evidence, limits: HealthLimits, nowMs: number): Verdict | undefined {
  return (
    pictureTrouble(evidence) ??
    deliveryTrouble(evidence) ??
    loginTrouble(evidence) ??
    swapTrouble(evidence) ??
    onvifTrouble(evidence, limits, nowMs) ??
    streamTrouble(evidence, limits) ??
    clockTrouble(evidence, limits) ??
    sourceTrouble(evidence, limits) ??
    lawTrouble(evidence)
  );
}

/** Pictures that show nothing are worth less than anything else that is wrong. */
function pictureTrouble({ picture }: Evidence): Verdict | undefined {
  return picture && worse(picture.cause, picture.detail);
}

/** Of a camera that is well, and whose pictures arrive nowhere, nobody would hear else. */
function deliveryTrouble({ undeliverable }: Evidence): Verdict | undefined {
  return undeliverable && worse(undeliverable.code, undeliverable.detail);
}

function loginTrouble(evidence: Evidence): Verdict | undefined {
  if (evidence.login === 'latched')
    return worse('camera-latched', `${working(evidence)}, but ONVIF logins are latched`);
  if (evidence.login === 'refused')
    return worse('camera-login-refused', `${working(evidence)}, but ONVIF refuses the login`);
  return undefined;
}

function swapTrouble({ swap }: Evidence): Verdict | undefined {
  if (!swap) return undefined;
  return worse('camera-swapped', `expected serial number ${swap.expected}, came ${swap.came}`);
}

function onvifTrouble(evidence: Evidence, limits: HealthLimits, nowMs: number): Verdict | undefined {
  const { host, onvifPortNumber: port } = evidence;
  if (port === undefined) return undefined;
  const answer = fresh(evidence.onvifPort, limits, nowMs);
  if (answer !== undefined && answer !== 'open')
    return worse(
      'camera-port-closed',
      `${working(evidence)}, but the ONVIF port ${port} of ${host} does not open`,
    );
  const failure = fresh(evidence.onvifFailure, limits, nowMs);
  if (failure) return worse(failure.code, `${working(evidence)}, but ONVIF fails: ${failure.detail}`);
  if (!evidence.onvifUnsteady) return undefined;
  return worse('camera-unsteady', `${working(evidence)}, but ONVIF fails now and then`);
}

function working(evidence: Evidence): string {
  return isClosed(evidence) ? 'the stream is described' : 'pictures come';
}

function streamTrouble(evidence: Evidence, limits: HealthLimits): Verdict | undefined {
  if (evidence.lossIsOurs)
    return worse(
      'box-unread',
      `more than ${limits.lossLimitPercent} % of the packets are lost, most of them because this box did not read them in time`,
    );
  if (evidence.lossy)
    return worse('camera-loss', `more than ${limits.lossLimitPercent} % of the packets are lost`);
  if (evidence.keyless) return worse('camera-no-key-picture', `pictures come, but ${KEYLESS}`);
  if (evidence.lowRate) return worse('camera-low-rate', 'fewer pictures per second than asked for');
  return substreamTrouble(evidence);
}

function substreamTrouble({ substreamFailure }: Evidence): Verdict | undefined {
  if (!substreamFailure) return undefined;
  const { code, detail } = substreamFailure.value;
  return worse(
    'camera-substream-down',
    `pictures come, but those of the sub-stream do not: ${code}: ${detail}`,
  );
}

function clockTrouble(evidence: Evidence, limits: HealthLimits): Verdict | undefined {
  if (!evidence.clockOff) return undefined;
  const zone = zoneError(evidence.clock?.value.offsetMs ?? 0);
  if (zone)
    return worse('camera-clock-zone', `the clock of the camera is off by ${zone}: local time is sent as UTC`);
  return worse(
    'camera-clock-offset',
    `the clock of the camera is off by more than ${limits.clockOffsetLimitMs} ms`,
  );
}

function sourceTrouble(evidence: Evidence, limits: HealthLimits): Verdict | undefined {
  const trouble = timeSourceTrouble(evidence, limits);
  return trouble === undefined ? undefined : worse('camera-time-source', trouble);
}

/** Whether a clock that is off is off by a time zone. */
export function clockCause({ clock }: Evidence): Code {
  return zoneError(clock?.value.offsetMs ?? 0) ? 'camera-clock-zone' : 'camera-clock-offset';
}

function lawTrouble({ lawBreaches }: Evidence): Verdict | undefined {
  const ofCamera = lawBreaches.filter((check) => check !== AUTHORISATION);
  if (ofCamera.length > 0)
    return worse(
      'camera-law-breach',
      `the camera does not keep to its legal profile: ${lawBreaches.join(', ')}`,
    );
  if (lawBreaches.length === 0) return undefined;
  return worse('camera-unauthorised', 'the authorisation of the camera is over');
}

function down(cause: Code, detail: string): Verdict {
  return { state: 'down', cause, detail };
}

function worse(cause: Code, detail: string): Verdict {
  return { state: 'degraded', cause, detail };
}

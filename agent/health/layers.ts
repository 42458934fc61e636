import type { Code } from '../base/codes.ts';
import { LAYERS, type Layer, type LayerVerdict } from '../contract/layers.ts';
import type { Fields } from '../contract/messages.ts';
import { type Evidence, fresh, type HealthLimits, type LoginState, young } from './evidence.ts';
import { timeSourceTrouble } from './time-source.ts';
import { clockCause, type Layers, layersOf } from './verdict.ts';

interface Judged {
  readonly verdict: LayerVerdict;
  readonly cause?: Code | undefined;
}

type LayerFields = Omit<Fields<'layers'>, 'camera' | 'name'>;

const OK: Judged = { verdict: 'ok' };
const UNKNOWN: Judged = { verdict: 'unknown' };
const NOT_ASKED: Judged = { verdict: 'not-asked' };
const NOT_VERIFIABLE: Judged = { verdict: 'not-verifiable' };
const fault = (cause: Code): Judged => ({ verdict: 'fault', cause });

type Judge = (evidence: Evidence, limits: HealthLimits, nowMs: number, known: Layers) => Judged;

const JUDGES: Readonly<Record<Layer, Judge>> = {
  ping,
  tcp,
  onvif,
  clock,
  time_source: timeSource,
  login_onvif: ({ hasLogin, onvifPortNumber, onvifLogin }) =>
    hasLogin && onvifPortNumber !== undefined ? login(onvifLogin) : NOT_ASKED,
  login_stream: ({ hasLogin, streamLogin }) => (hasLogin ? login(streamLogin) : NOT_ASKED),
  identity,
  profiles,
  described: (evidence, _limits, _nowMs, { described }) =>
    ofKnown(described, evidence.failure?.value.code ?? 'camera-silent'),
  flowing: (evidence, _limits, _nowMs, { flowing }) =>
    evidence.leased && flowing === 'unknown'
      ? NOT_ASKED
      : ofKnown(flowing, evidence.failure?.value.code ?? 'camera-stalled'),
};

/** Each layer of a camera with its verdict. What cannot be looked at is never ok. */
export function judgeLayers(evidence: Evidence, limits: HealthLimits, nowMs: number): LayerFields {
  const known = layersOf(evidence, limits, nowMs);
  const judged = LAYERS.map((layer) => [layer, JUDGES[layer](evidence, limits, nowMs, known)] as const);
  const verdicts = Object.fromEntries(judged.map(([layer, { verdict }]) => [layer, verdict]));
  const causes = judged.flatMap(([layer, { cause }]) => (cause ? [[`${layer}_cause`, cause]] : []));
  const said = young(evidence.timeSource, nowMs);
  const profilesSaid = young(evidence.profiles, nowMs);
  return {
    ...(verdicts as Record<Layer, LayerVerdict>),
    ...Object.fromEntries(causes),
    ...(evidence.clock && {
      clock_offset_ms: Math.round(evidence.clock.value.offsetMs),
      clock_uncertainty_ms: Math.round(evidence.clock.value.uncertaintyMs),
    }),
    ...(said && said !== 'not-said' && { time_servers: said.servers.join(', ') }),
    ...(profilesSaid && profilesSaid !== 'not-said' && { profiles_count: profilesSaid.length }),
  };
}

/** Many devices are told not to answer an echo: that is a fault only where nothing else answers either. */
function ping(evidence: Evidence, limits: HealthLimits, nowMs: number, { reachable }: Layers): Judged {
  if (!limits.ping) return NOT_ASKED;
  const answer = young(evidence.ping, nowMs);
  if (answer === undefined) return UNKNOWN;
  if (answer === 'answers') return reachable === 'no' ? UNKNOWN : OK;
  return answer === 'silent' && reachable === 'no' ? fault('camera-unreachable') : NOT_VERIFIABLE;
}

function tcp(evidence: Evidence, limits: HealthLimits, nowMs: number, known: Layers): Judged {
  if (known.flowing === 'yes') return OK;
  const answer = fresh(evidence.rtspPort, limits, nowMs);
  if (answer === undefined) return UNKNOWN;
  if (answer === 'open') return OK;
  return fault(known.reachable === 'no' ? 'camera-unreachable' : 'camera-port-closed');
}

function onvif(evidence: Evidence, limits: HealthLimits, nowMs: number, { reachable }: Layers): Judged {
  if (evidence.onvifPortNumber === undefined) return NOT_ASKED;
  const answer = fresh(evidence.onvifPort, limits, nowMs);
  if (answer === undefined) return UNKNOWN;
  if (answer !== 'open') return fault(reachable === 'no' ? 'camera-unreachable' : 'camera-port-closed');
  const failure = fresh(evidence.onvifFailure, limits, nowMs);
  if (failure) return fault(failure.code);
  if (evidence.onvifUnsteady) return fault('camera-unsteady');
  return fresh(evidence.onvifWorked, limits, nowMs) ? OK : UNKNOWN;
}

/** A measurement that is less certain than the limit shows no fault and proves none away. */
function clock(evidence: Evidence, limits: HealthLimits, nowMs: number, { flowing }: Layers): Judged {
  if (evidence.clockOff) return fault(clockCause(evidence));
  const measured = young(evidence.clock, nowMs);
  if (measured) return measured.uncertaintyMs > limits.clockOffsetLimitMs ? NOT_VERIFIABLE : OK;
  const cannotSay = evidence.onvifPortNumber === undefined && flowing === 'yes';
  return cannotSay ? NOT_VERIFIABLE : UNKNOWN;
}

function timeSource(evidence: Evidence, limits: HealthLimits, nowMs: number): Judged {
  if (limits.timeServers.length === 0) return NOT_ASKED;
  if (evidence.onvifPortNumber === undefined) return NOT_VERIFIABLE;
  const said = young(evidence.timeSource, nowMs);
  if (said === undefined) return UNKNOWN;
  if (said === 'not-said') return NOT_VERIFIABLE;
  return timeSourceTrouble(evidence, limits) ? fault('camera-time-source') : OK;
}

function login(state: LoginState): Judged {
  if (state === 'refused') return fault('camera-login-refused');
  if (state === 'latched') return fault('camera-latched');
  return state === 'accepted' ? OK : UNKNOWN;
}

function identity({ onvifPortNumber, identity: said, swap }: Evidence): Judged {
  if (onvifPortNumber === undefined) return NOT_VERIFIABLE;
  if (swap) return fault('camera-swapped');
  if (!said) return UNKNOWN;
  return said.serial === '' ? NOT_VERIFIABLE : OK;
}

function profiles(evidence: Evidence, _limits: HealthLimits, nowMs: number): Judged {
  if (evidence.onvifPortNumber === undefined) return NOT_ASKED;
  const said = young(evidence.profiles, nowMs);
  if (said === undefined) return UNKNOWN;
  if (said === 'not-said') return NOT_VERIFIABLE;
  if (said.length === 0) return fault('camera-no-video');
  const { profile } = evidence;
  const isThere = profile === undefined || said.some(({ token }) => token === profile);
  return isThere ? OK : fault('camera-not-found');
}

function ofKnown(known: 'yes' | 'no' | 'unknown', cause: Code): Judged {
  if (known === 'yes') return OK;
  return known === 'no' ? fault(cause) : UNKNOWN;
}

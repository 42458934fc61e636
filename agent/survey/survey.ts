import { isIPv4 } from 'node:net';
import { asBeffroiError } from '../base/errors.ts';
import type { SeenDevice } from '../camera/discovery/device.ts';
import { discover } from '../camera/discovery/discover.ts';
import type { Networks } from '../camera/discovery/networks.ts';
import type { Credentials } from '../camera/types.ts';
import type { LawRole } from '../contract/law.ts';
import { type Examination, type ExamineNeeds, Examiner, longestMs } from './examine.ts';
import { type Remark, remarksOn, rolesOf, type Verdict, verdictOf } from './judge.ts';
import { type Bandwidth, bandwidthOf, lineKbps } from './site.ts';
import { joinTargets, type SurveyTarget } from './target.ts';

export interface SurveyOptions {
  /** Cameras to be looked at; whoever answers to discovery when empty. */
  readonly targets: readonly SurveyTarget[];
  readonly networks: Networks;
  readonly listenMs: number | undefined;
  readonly measureMs: number;
  /** The login for a camera; undefined: none is tried. */
  readonly login: (host: string) => Credentials | undefined;
  /** Told before each camera. */
  readonly begun: (host: string, number: number, of: number) => void;
}

export interface SurveyedCamera extends Examination {
  readonly verdict: Verdict;
  readonly remarks: readonly Remark[];
  /** Roles of the arrêté of 3 August 2007 that its stream is good enough for. */
  readonly roles: readonly LawRole[];
  readonly line: { readonly now: number; readonly planned: number } | undefined;
}

/** The feasibility study of one site. */
export interface Survey {
  readonly atMs: number;
  readonly cameras: readonly SurveyedCamera[];
  /** Discovery met a bound: there may be more devices. */
  readonly incomplete: boolean;
  readonly bandwidth: Bandwidth;
}

/** Source: guess, twice what a configuration holds. */
const MAX_CAMERAS = 512;
/** At the same time: a line that is measured must not be filled by measuring. Source: guess. */
const AT_ONCE = 4;

/** Looks at the cameras of a site before it is connected; reads only. @throws the reason of `signal` */
export async function survey(
  needs: ExamineNeeds,
  options: SurveyOptions,
  signal: AbortSignal,
): Promise<Survey> {
  const { targets, networks, listenMs } = options;
  const known = targets.map(({ host }) => host).filter(isIPv4);
  const asked = { networks, known, ...(listenMs === undefined ? {} : { listenMs }) };
  const { devices, ignored } = await discover(needs, asked, signal);
  const chosen = targets.length > 0 ? targets : devices.map(({ address }) => ({ host: address }));
  const list = joinTargets(chosen);
  const cameras = await examineAll(needs, options, list.slice(0, MAX_CAMERAS), devices, signal);
  const atMs = needs.clock.wallMs();
  return {
    atMs,
    cameras: cameras.map((seen) => {
      const remarks = remarksOn(seen, atMs);
      return { ...seen, verdict: verdictOf(remarks), remarks, roles: rolesOf(seen), line: lineKbps(seen) };
    }),
    incomplete: ignored.excess > 0 || list.length > MAX_CAMERAS,
    bandwidth: bandwidthOf(cameras),
  };
}

async function examineAll(
  needs: ExamineNeeds,
  options: SurveyOptions,
  list: readonly SurveyTarget[],
  devices: readonly SeenDevice[],
  signal: AbortSignal,
): Promise<Examination[]> {
  const seen: Examination[] = [];
  let next = 0;
  const worker = async () => {
    while (next < list.length) {
      const at = next;
      next += 1;
      const target = list[at] as SurveyTarget;
      options.begun(target.host, at + 1, list.length);
      seen[at] = await examineOne(needs, options, target, devices, signal);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return seen;
}

async function examineOne(
  needs: ExamineNeeds,
  { login, measureMs }: SurveyOptions,
  target: SurveyTarget,
  devices: readonly SeenDevice[],
  signal: AbortSignal,
): Promise<Examination> {
  const device = devices.find(({ address }) => address === target.host);
  const what = { target, device, credentials: login(target.host), measureMs };
  const boundMs = longestMs(measureMs);
  const until = AbortSignal.any([signal, AbortSignal.timeout(boundMs)]);
  try {
    return await new Examiner(needs, what, until).run();
  } catch (thrown) {
    signal.throwIfAborted();
    const late = until.aborted;
    const { code, message } = asBeffroiError(thrown);
    const failure = late
      ? ({ step: 'onvif', code: 'camera-silent', detail: `no end within ${boundMs / 1000} s` } as const)
      : ({ step: 'onvif', code, detail: message } as const);
    return {
      ...NOTHING,
      host: target.host,
      device,
      loginGiven: what.credentials !== undefined,
      failures: [failure],
    };
  }
}

/** Of a camera that took all its time. */
const NOTHING = {
  ...{ onvif: undefined, clock: undefined, identity: undefined, offer: undefined, profiles: undefined },
  ...{ masks: undefined, card: undefined, tls: null, stream: undefined, streamTls: null, others: [] },
};

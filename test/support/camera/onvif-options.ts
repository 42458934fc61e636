/** What the camera offers; fixed for its life. */
export interface OnvifOptions {
  /** Ways to log in: HTTP digest, WS-UsernameToken, or both. */
  readonly login: 'both' | 'digest' | 'username-token';
  readonly digest: 'md5' | 'sha256' | 'both';
  readonly nonceLifetimeMs: number;
  /** How far the time in a WS-UsernameToken may be from the camera's clock, either way. */
  readonly clockWindowMs: number;
  readonly media2: boolean;
  /** How a pull point is addressed: by a path of its own, or by a parameter in the SOAP header (Axis). */
  readonly pullPointReference: 'address' | 'parameter';
  readonly maxPullPoints: number;
  /** The event that reports tampering. */
  readonly tampering: 'scene-change' | 'tamper-rule';
  /** What the camera says of its digital inputs: their quiet state, or that `true` means active; nothing when absent. */
  readonly inputsSay: 'open' | 'closed' | 'configurable' | undefined;
  /** `host:port` in the addresses of services, as of a camera behind address translation; else the request's Host. */
  readonly announcedHost: string | undefined;
}

export const ONVIF_DEFAULTS: OnvifOptions = {
  login: 'both',
  digest: 'md5',
  nonceLifetimeMs: 300_000,
  clockWindowMs: 60_000,
  media2: true,
  pullPointReference: 'address',
  maxPullPoints: 10,
  tampering: 'scene-change',
  inputsSay: 'open',
  announcedHost: undefined,
};

/** What comes instead of a good answer. `endless` never ends; `drip` sends a byte now and then. */
export type BadAnswer = 'html' | 'garbage' | 'truncated' | 'entities' | 'redirect' | 'endless' | 'drip';

/** What goes wrong; every one can be set and unset while the camera runs. */
export interface OnvifFaults {
  refuseLogins: boolean;
  /** Connections are taken and nothing is ever answered. */
  silent: boolean;
  answerDelayMs: number;
  badAnswer: BadAnswer | undefined;
}

export function noOnvifFaults(): OnvifFaults {
  return { refuseLogins: false, silent: false, answerDelayMs: 0, badAnswer: undefined };
}

/** What happened since the camera was made. */
export interface OnvifCounters {
  connections: number;
  requests: number;
  loginsAccepted: number;
  /** Requests whose credentials were wrong; one without any, or with a stale nonce, is none. */
  loginsRefused: number;
  /** Those of `loginsRefused` that were refused for the clock alone. */
  clockRefused: number;
  subscriptions: number;
  pulls: number;
  renewals: number;
  synchronizations: number;
  /** Requests by operation, such as `GetProfiles`. */
  readonly operations: Record<string, number>;
  /** Requests that are no operation, by method and path: where cameras give snapshots and take CGI commands. */
  readonly others: Record<string, number>;
}

export function noOnvifCounts(): OnvifCounters {
  return {
    connections: 0,
    requests: 0,
    loginsAccepted: 0,
    loginsRefused: 0,
    clockRefused: 0,
    subscriptions: 0,
    pulls: 0,
    renewals: 0,
    synchronizations: 0,
    operations: {},
    others: {},
  };
}

import type { Clock } from '../../base/clock.ts';
import type { HttpTarget } from '../http/connect.ts';

/** Where one service of a camera listens. */
export interface ServiceAddress {
  readonly target: HttpTarget;
  /** Path and query. */
  readonly path: string;
}

/** One SOAP request. */
export interface SoapCall {
  /** Name under which the way of logging in is remembered. */
  readonly service: string;
  /** Name of the request element; the answer is expected as `…Response`. */
  readonly method: string;
  readonly address: ServiceAddress;
  readonly envelope: string;
  readonly action?: string;
  /** How long the camera may hold the answer back on purpose. */
  readonly holdMs?: number;
}

export interface SoapNeeds {
  readonly clock: Clock;
  readonly randomBytes: (count: number) => Buffer;
}

/** How a service of a camera wants the login: by HTTP, or as a token in the SOAP header. */
export type LoginWay = 'http' | 'token';

import { RequestBudget } from '../request-budget.ts';
import type { Credentials, Gate } from '../types.ts';
import { contentOf, type SoapAnswer } from './answer.ts';
import { LoginSequence } from './login-sequence.ts';
import type { LoginWay, ServiceAddress, SoapCall, SoapNeeds } from './soap-call.ts';
import { CameraClock } from './system-time.ts';

export interface SoapOptions {
  readonly camera: string;
  readonly device: ServiceAddress;
  readonly credentials?: Credentials;
}

/** Its pace is that of the events. */
const EVENTS = 'events';

/** SOAP to one camera: a permit for each call, the login that the camera asks for, bounds on everything. */
export class Soap {
  readonly cameraClock: CameraClock;
  readonly #options: SoapOptions;
  readonly #gate: Gate;
  readonly #needs: SoapNeeds;
  readonly #budget: RequestBudget;
  readonly #ways = new Map<string, LoginWay>();

  constructor(options: SoapOptions, gate: Gate, needs: SoapNeeds) {
    this.#options = options;
    this.#gate = gate;
    this.#needs = needs;
    this.#budget = new RequestBudget(needs.clock, options.camera);
    this.cameraClock = new CameraClock(needs.clock);
  }

  /**
   * One call and the content of its answer.
   * @throws BeffroiError of the gate, of the connection, of the login, of the answer; the reason of an aborted signal
   */
  async call(call: SoapCall, signal: AbortSignal): Promise<SoapAnswer> {
    const { camera, device, credentials } = this.#options;
    if (call.service !== EVENTS) await this.#budget.take(signal);
    const permit = await this.#gate.acquire(signal);
    try {
      const { cameraClock } = this;
      const needs = { ...this.#needs, camera, device, credentials, cameraClock, ways: this.#ways };
      return contentOf(await new LoginSequence(call, permit, needs, signal).run(), camera, call.method);
    } finally {
      permit.release();
    }
  }
}

import type { Clock } from '../base/clock.ts';
import { asError } from '../base/errors.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Log } from '../base/log.ts';
import { Schedule } from '../base/schedule.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { Memory } from '../store/store.ts';
import { countOf, type Finding, findingText, type Inventory } from './finding.ts';
import { forgetKnown, forgetOthers, keepKnown, keepLast, readKnown, readLast } from './memory.ts';
import { findingFields, stateFields } from './messages.ts';
import type { InventorySettings, ListedCamera } from './ports.ts';
import { type TakeNeeds, type Taken, takeInventory } from './take.ts';

/** After the start, cameras and network have settled. Source: guess. */
const FIRST_MS = 60_000;

export interface InventoryNeeds extends Omit<TakeNeeds, 'known'> {
  readonly clock: Clock;
  readonly log: Log;
  readonly memory: Memory;
  readonly transaction: <T>(work: () => T) => T;
  readonly reporter: Pick<Reporter, 'state' | 'event'>;
}

/** What the last look says to alarm points: one line for each. */
export interface InventoryWords {
  readonly unknown: readonly string[];
  readonly moved: readonly string[];
}

/** Holds what is configured against what is seen on the network: by itself at set times, and on order. */
export class InventoryRoom implements Service {
  readonly name = 'inventory';
  readonly #needs: InventoryNeeds;
  readonly #abort = new AbortController();
  #cameras: readonly ListedCamera[] = [];
  #settings: InventorySettings | undefined;
  #schedule: Schedule | undefined;
  #last: Inventory | undefined;
  #looking: Promise<Taken> | undefined;
  #first: Promise<void> = Promise.resolve();

  constructor(needs: InventoryNeeds) {
    this.#needs = needs;
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#abort.abort(), { once: true, signal: this.#abort.signal });
    const { memory, clock } = this.#needs;
    this.#last = readLast((room, key) => memory.get(room, key));
    this.#first = clock.sleep(FIRST_MS, this.#abort.signal).then(
      () => this.#byItself(),
      () => undefined,
    );
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#schedule?.stop();
    await Promise.all([this.#first, this.#looking?.catch(() => undefined)]);
  }

  async apply(cameras: readonly ListedCamera[], settings: InventorySettings): Promise<void> {
    this.#cameras = cameras;
    forgetOthers(this.#needs.memory, new Set(cameras.map(({ id }) => id)));
    const before = this.#settings?.enabled ? this.#settings.schedule : undefined;
    this.#settings = settings;
    const now = settings.enabled ? settings.schedule : undefined;
    if (now === before) return;
    await this.#schedule?.stop();
    this.#schedule = undefined;
    if (now === undefined) return;
    this.#schedule = new Schedule('inventory', now, () => this.#byItself(), this.#needs.log);
    await this.#schedule.start();
  }

  /** What the last look says; undefined before the first. */
  words(): InventoryWords | undefined {
    const last = this.#last;
    const lines = (kind: Finding['kind']) =>
      (last?.findings ?? [])
        .filter((one) => one.kind === kind)
        .map((one) => findingText(one).replace(/^\S+ /, ''));
    return last && { unknown: lines('unknown'), moved: lines('moved') };
  }

  /** Another device may take the place of the one that is known of the camera. */
  accept(camera: string): void {
    forgetKnown(this.#needs.memory, camera);
  }

  /** Looks now, or waits for the look that is under way. @returns what was found, for the operator */
  async run(signal: AbortSignal): Promise<string> {
    const { inventory } = await this.#look(AbortSignal.any([signal, this.#abort.signal]));
    const { configured, present, complete, findings } = inventory;
    const partial = complete ? '' : ', not all could be seen';
    const lines = findings.map(findingText).join('; ');
    return `${present} of ${configured} cameras in their place${partial}${lines === '' ? '' : `: ${lines}`}`.slice(
      0,
      500,
    );
  }

  async #byItself(): Promise<void> {
    if (!this.#settings?.enabled || this.#abort.signal.aborted) return;
    await this.#look(this.#abort.signal).catch((thrown: unknown) => {
      if (!this.#abort.signal.aborted) this.#needs.log.warn({ err: asError(thrown) }, 'inventory failed');
    });
  }

  #look(signal: AbortSignal): Promise<Taken> {
    this.#looking ??= this.#once(signal).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #once(signal: AbortSignal): Promise<Taken> {
    const { memory } = this.#needs;
    const known = (camera: string) => readKnown((room, key) => memory.get(room, key), camera);
    const settings = this.#settings ?? { listenS: 4, expected: [] };
    const taken = await takeInventory({ ...this.#needs, known }, this.#cameras, settings, signal);
    this.#needs.transaction(() => {
      this.#learn(taken);
      this.#tell(taken.inventory);
    });
    return taken;
  }

  /** The device that stands alone at the address of a camera is the one of the camera, until somebody says otherwise. */
  #learn({ present, devices }: Taken): void {
    for (const camera of present) {
      const here = devices.filter(({ address }) => camera.addresses.includes(address));
      const [device] = here;
      if (!device || here.length > 1) continue;
      const mac = device.mac === '' ? (camera.known?.mac ?? '') : device.mac;
      keepKnown(this.#needs.memory, camera.id, { host: camera.host, endpoint: device.endpoint, mac });
    }
  }

  /** Each difference is told once, as it comes and as it is over. */
  #tell(inventory: Inventory): void {
    const { reporter, memory, log } = this.#needs;
    const before = new Map((this.#last?.findings ?? []).map((one) => [keyOf(one), one]));
    const now = new Map(inventory.findings.map((one) => [keyOf(one), one]));
    for (const [key, one] of now)
      if (!before.has(key)) reporter.event('inventoryFinding', 'collector', findingFields(one, 'found'));
    // What could not be looked at is not over.
    for (const [key, one] of before)
      if (!now.has(key) && inventory.complete)
        reporter.event('inventoryFinding', 'collector', findingFields(one, 'settled'));
    reporter.state('inventory', 'collector', stateFields(inventory));
    keepLast(memory, inventory);
    this.#last = inventory;
    const counts = { present: inventory.present, unknown: countOf(inventory, 'unknown') };
    log.info({ ...counts, differences: inventory.findings.length }, 'inventory taken');
  }
}

function keyOf({ kind, camera, address, endpoint }: Finding): string {
  return JSON.stringify([kind, camera, address, endpoint]);
}

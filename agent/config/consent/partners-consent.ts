import type { Log } from '../../base/log.ts';
import { MAX_ADDRESSES } from '../../contract/video-link-limits.ts';
import type { Register } from '../../store/store.ts';
import type { JudgeNeeds } from '../judge.ts';
import { ConfigurationRefusedError } from '../open.ts';
import type { OpenedConfiguration } from '../opened.ts';
import type { TimeFloor } from '../time-floor.ts';
import { consentFaults, otherOwner } from './faults.ts';
import { type Addresses, hostsOf, type Known, learnt } from './known.ts';
import type { PartnerMemory } from './memory.ts';
import { addressesOf, type Lookup } from './names.ts';
import { plainHost } from './place.ts';
import { heard } from './statements.ts';

export interface ConsentNeeds extends JudgeNeeds {
  readonly memory: PartnerMemory;
  readonly register: Register;
  readonly log: Log;
  readonly lookup: Lookup;
}

/** Where a connection goes; without addresses wherever the host leads. */
export interface WayTo {
  readonly addresses?: readonly string[];
}

/** A configuration that was judged, with what will be known once it is in force. */
interface Judged {
  readonly hash: string;
  readonly known: Known;
}

/**
 * Keeps the word of partners: a camera that this box has known as a partner's is anything else, stands elsewhere, or opens
 * by wider terms only by a statement that the partner's key has signed. The key that signs configurations is not enough.
 */
export class PartnersConsent {
  readonly #needs: ConsentNeeds;
  #judged: Judged | undefined;

  constructor(needs: ConsentNeeds) {
    this.#needs = needs;
  }

  /** @throws OrderRefusedError `partner-consent` with every path; as the verification of a statement throws */
  async check(next: OpenedConfiguration, floor: TimeFloor): Promise<void> {
    const { memory } = this.#needs;
    this.#refuseDamaged(next);
    const agreed = heard(memory.known, next.consents, this.#needs, floor.ms);
    const addresses = await this.#addresses(next);
    const faults = consentFaults(agreed, next, addresses);
    if (faults.length > 0) throw new ConfigurationRefusedError('partner-consent', faults);
    this.#judged = { hash: next.hash, known: learnt(agreed, next, addresses) };
  }

  /** The configuration is in force: what it says of partners is remembered. */
  learn(next: OpenedConfiguration): void {
    const { memory } = this.#needs;
    const known = this.#knownWith(next);
    if (JSON.stringify(known) !== JSON.stringify(memory.known)) memory.keep(known);
  }

  /** Cameras that must not be connected to, because they are known as a partner's and not entered so. */
  withheld(next: OpenedConfiguration): ReadonlySet<string> {
    const known = this.#knownWith(next);
    const others = next.cameras.filter((camera) => otherOwner(known, camera, new Map()) !== undefined);
    for (const { id } of others) this.#tell(id);
    return new Set(others.map(({ id }) => id));
  }

  /**
   * Where the host may be connected to now for its pictures, as its name was held against those of partners: a name that
   * leads elsewhere a moment later was not judged. @returns undefined when it leads to a camera of a partner
   */
  async wayTo(host: string): Promise<WayTo | undefined> {
    const { memory, lookup } = this.#needs;
    const known = Object.keys(memory.known.hosts);
    if (known.length === 0) return {};
    const [own, theirs] = await Promise.all([[host], known].map((hosts) => addressesOf(hosts, lookup)));
    const taken = new Set([...known, ...[...(theirs?.values() ?? [])].flat().map(plainHost)]);
    if (hostsOf(host, own ?? new Map()).some((address) => taken.has(address))) return undefined;
    const addresses = own?.get(host);
    return addresses ? { addresses: addresses.slice(0, MAX_ADDRESSES) } : {};
  }

  #knownWith(next: OpenedConfiguration): Known {
    const { known } = this.#needs.memory;
    return this.#judged?.hash === next.hash ? this.#judged.known : learnt(known, next, new Map());
  }

  /** Names are asked only where partners have cameras. */
  async #addresses({ cameras }: OpenedConfiguration): Promise<Addresses> {
    const any =
      Object.keys(this.#needs.memory.known.hosts).length > 0 ||
      cameras.some(({ regime }) => regime === 'leased');
    return any
      ? await addressesOf(
          cameras.map(({ host }) => host),
          this.#needs.lookup,
        )
      : new Map();
  }

  #refuseDamaged({ cameras }: OpenedConfiguration): void {
    const { memory, keyring } = this.#needs;
    if (!memory.damaged || !keyring.has('partner')) return;
    if (cameras.every(({ regime }) => regime === 'leased')) return;
    throw new ConfigurationRefusedError('partner-consent', [
      'cameras: what this box knows of partners is damaged, and any of these may be the camera of one',
    ]);
  }

  #tell(camera: string): void {
    const { log, register } = this.#needs;
    log.error({ camera }, 'not connected to: it is known as the camera of a partner');
    register.append({
      action: 'camera.withheld',
      who: 'box',
      subject: camera,
      result: 'partner-consent',
      detail: 'known as the camera of a partner, and not entered so',
    });
  }
}

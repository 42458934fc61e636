import { sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { ClockTrust } from '../../agent/base/clock.ts';
import { createLog, type Log } from '../../agent/base/log.ts';
import { readBoxFile } from '../../agent/config/box-file.ts';
import { type BoxKeys, readBoxKeys } from '../../agent/config/box-keys.ts';
import { PartnerMemory } from '../../agent/config/consent/memory.ts';
import { type Lookup, lookUp } from '../../agent/config/consent/names.ts';
import { PartnersConsent } from '../../agent/config/consent/partners-consent.ts';
import { MESSAGES, type MessageKey } from '../../agent/contract/messages.ts';
import type { Reporter } from '../../agent/contract/reporter.ts';
import { openStore, type SqliteStore } from '../../agent/store/open-store.ts';
import { Refusals } from '../../agent/trust/refusals.ts';
import { addBox } from '../../provisioning/box.ts';
import { createCsu } from '../../provisioning/csu.ts';
import type { CsuFolder } from '../../provisioning/folder.ts';
import { TestClock } from '../support/test-clock.ts';

export const SITE = '57463-mairie';

interface Reported {
  readonly key: MessageKey;
  readonly entity: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Keeps what the rooms report, each checked against the contract. */
class RecordedReports implements Reporter {
  readonly all: Reported[] = [];
  #seq = 0;

  readonly state: Reporter['state'] = (key, entity, fields) => this.#add(key, entity, fields);
  readonly measure: Reporter['measure'] = (key, entity, fields) => this.#add(key, entity, fields);
  readonly event: Reporter['event'] = (key, entity, fields) =>
    this.#add(key, entity, { ...fields, id: `event-${this.all.length}` });
  readonly clearState: Reporter['clearState'] = () => undefined;

  /** The fields of every message of a kind, in order. */
  of(key: MessageKey): Reported['fields'][] {
    return this.all.filter((reported) => reported.key === key).map(({ fields }) => fields);
  }

  #add(key: MessageKey, entity: string, fields: object): void {
    this.#seq += 1;
    const envelope = { v: 1, site: SITE, ts: 0, clock: 'synced', boot: 1, seq: this.#seq };
    this.all.push({ key, entity, fields: MESSAGES[key].schema.parse({ ...envelope, ...fields }) });
  }
}

/** An enrolled box with its durable store, and the CSU that orders it. */
export interface Box {
  readonly csu: CsuFolder;
  readonly keys: BoxKeys;
  readonly clock: TestClock;
  readonly reports: RecordedReports;
  readonly refusals: Refusals;
  /** Every line of the log, as text. */
  readonly logged: string[];
  readonly log: Log;
  readonly folder: string;
  readonly store: SqliteStore;
  clockTrust: ClockTrust;
  /** Closes the store and opens it again, as a new start of the agent does. */
  restart(): Promise<void>;
  /** Every line of the register as `action result`. */
  registered(): string[];
}

/** The word of partners, as the agent keeps it. */
export function consentOf(
  { store, folder, keys, clock, log, clockTrust }: Box,
  lookup: Lookup = lookUp,
): PartnersConsent {
  const { register } = store;
  return new PartnersConsent({
    ...{ site: SITE, keyring: keys.keyring, clock, clockTrust: () => clockTrust, log, register, lookup },
    memory: new PartnerMemory(store.memory, folder, log),
  });
}

/** A CSU and a box that it enrolled, in a folder that goes with the test. */
export async function enrolledBox(t: Test): Promise<Box> {
  const folder = mkdtempSync(join(tmpdir(), 'beffroi-orders-'));
  const clock = new TestClock();
  const csu = await createCsu(join(folder, 'csu'), { brokerHosts: ['localhost'] }, clock.wallMs());
  const options = { site: SITE, brokers: ['mqtts://localhost:8883'], stateFolder: '.', runtimeFolder: 'run' };
  await addBox(csu, options, join(folder, 'box'), clock.wallMs());
  const boxFile = await readBoxFile(join(folder, 'box', 'box.json'));
  const box = new TestBox(csu, await readBoxKeys(boxFile), clock, boxFile.stateFolder);
  t.teardown(async () => {
    await box.refusals.stop();
    box.store.close();
    rmSync(folder, { recursive: true });
  });
  return box;
}

class TestBox implements Box {
  readonly csu: CsuFolder;
  readonly keys: BoxKeys;
  readonly clock: TestClock;
  readonly folder: string;
  readonly logged: string[] = [];
  readonly log = createLog('debug', { write: (line) => this.logged.push(line) });
  clockTrust: ClockTrust = 'synced';
  reports = new RecordedReports();
  store: SqliteStore;
  refusals: Refusals;

  constructor(csu: CsuFolder, keys: BoxKeys, clock: TestClock, folder: string) {
    this.csu = csu;
    this.keys = keys;
    this.clock = clock;
    this.folder = folder;
    this.store = this.#open();
    this.refusals = this.#refusals();
  }

  async restart(): Promise<void> {
    await this.refusals.stop();
    this.store.close();
    this.reports = new RecordedReports();
    this.store = this.#open();
    this.refusals = this.#refusals();
  }

  registered(): string[] {
    return this.store.register.lines(1, 1000).map(({ action, result }) => `${action} ${result}`);
  }

  #open(): SqliteStore {
    return openStore(this.folder, {
      clock: this.clock,
      clockTrust: () => this.clockTrust,
      log: this.log,
      sign: (bytes) => sign(null, bytes, this.keys.signKey.privateKey),
    });
  }

  #refusals(): Refusals {
    const { clock, log, store } = this;
    return new Refusals({ clock, log, reporter: this.reports, register: store.register });
  }
}

import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { createLog } from '../../agent/base/log.ts';
import { openStore, type SqliteStore, type StoreOptions } from '../../agent/store/open-store.ts';
import type { StoreFault } from '../../agent/store/store.ts';
import { TestClock } from '../support/test-clock.ts';

const box = generateKeyPairSync('ed25519');
/** The key that signs the registers of these tests. */
export const BOX_KEY: KeyObject = box.publicKey;
export const ENTRY = {
  action: 'config.applied',
  who: 'box',
  subject: 'configuration',
  result: 'ok',
  detail: '',
};

export interface OpenedStore {
  readonly store: SqliteStore;
  readonly clock: TestClock;
  readonly faults: StoreFault[];
}

/** Opens a store of these tests; `close` it before the folder is opened again. */
export function openFor(folder: string, clock = new TestClock(), options: StoreOptions = {}): OpenedStore {
  const store = openStore(
    folder,
    {
      clock,
      clockTrust: () => 'synced',
      log: createLog('error', { write: () => undefined }),
      sign: (bytes) => sign(null, bytes, box.privateKey),
    },
    options,
  );
  const faults: StoreFault[] = [];
  store.onFault((fault) => faults.push(fault));
  return { store, clock, faults };
}

/** Appends one event whose payload carries `text` and its number. */
export function appendText(store: SqliteStore, text: string): number {
  return store.outbox.append((seq) => ({
    topic: 'csu/v1/57463-mairie/pt-a/event/alarm',
    payload: `${seq} ${text}`,
  }));
}

/** What the outbox holds, the texts in order. */
export function texts(store: SqliteStore): string[] {
  return store.outbox.next(0, 1_000_000).map(({ payload }) => payload.slice(payload.indexOf(' ') + 1));
}

export function numbers(store: SqliteStore): number[] {
  return store.outbox.next(0, 1_000_000).map(({ seq }) => seq);
}

/** A folder that is gone after the test, outside of the one of the test runner. */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'beffroi-store-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A small disk that is mounted for the test alone. */
export class SmallDisk {
  readonly folder: string;
  readonly #filler: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.#filler = join(folder, 'filler');
  }

  /** @returns why not, where this account may not mount */
  static mount(t: Test, megabytes = 8): SmallDisk | string {
    const folder = mkdtempSync(join(tmpdir(), 'beffroi-disk-'));
    try {
      execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], {
        stdio: 'pipe',
      });
    } catch (thrown) {
      rmSync(folder, { recursive: true });
      return `a file system cannot be mounted here: ${String(thrown)}`;
    }
    t.teardown(() => {
      execFileSync('/bin/umount', ['--lazy', folder]);
      rmSync(folder, { recursive: true });
    });
    return new SmallDisk(folder);
  }

  /** Takes all the space that is left but for `spareBytes`. */
  fill(spareBytes = 0): void {
    this.free();
    const { bavail, bsize } = statfsSync(this.folder);
    writeFileSync(this.#filler, Buffer.alloc(Math.max(0, bavail * bsize - spareBytes)));
  }

  free(): void {
    rmSync(this.#filler, { force: true });
  }

  remount(mode: 'ro' | 'rw'): void {
    execFileSync('/bin/mount', ['-o', `remount,${mode}`, this.folder]);
  }
}

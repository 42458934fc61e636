import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { ClockTrust } from '../../agent/base/clock.ts';
import { systemCode } from '../../agent/base/errors.ts';
import { createLog } from '../../agent/base/log.ts';
import { OUTBOX_CLASSES } from '../../agent/contract/delivery.ts';
import type { ReceiptedEvent } from '../../agent/contract/receipt.ts';
import { openStore, type SqliteStore, type StoreOptions } from '../../agent/store/open-store.ts';
import type { Lane, Loss, StoreFault } from '../../agent/store/store.ts';
import { receipted } from '../support/receipted.ts';
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
export function openFor(
  folder: string,
  clock = new TestClock(),
  options: StoreOptions = {},
  trust: ClockTrust = 'synced',
): OpenedStore {
  const store = openStore(
    folder,
    {
      clock,
      clockTrust: () => trust,
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
    payload: `id-${seq} ${text}`,
    id: `id-${seq}`,
    class: 'intrusion',
  }));
}

/** What the outbox holds, the texts in order. */
export function texts(store: SqliteStore): string[] {
  return store.outbox.next(0, 1_000_000).map(({ payload }) => payload.slice(payload.indexOf(' ') + 1));
}

/** What would be sent, the lanes one after the other and each in its order. */
export function dueNumbers(store: SqliteStore, lanes: readonly Lane[] = ['live', 'backlog']): number[] {
  while (store.outbox.settle());
  const queries = lanes.flatMap((lane) => OUTBOX_CLASSES.map((of) => ({ lane, class: of })));
  const rest = { afterSeq: 0, limit: 1_000_000, without: [] };
  return queries.flatMap((query) => store.outbox.due({ ...query, ...rest }).map(({ seq }) => seq));
}

/** What a receipt would say of the oldest events that wait. */
export function waiting(store: SqliteStore): ReceiptedEvent[] {
  return store.outbox.next(0, 10).map(receipted);
}

export function numbers(store: SqliteStore): number[] {
  return store.outbox.next(0, 1_000_000).map(({ seq }) => seq);
}

/** Tells every loss that waits. */
export function told(store: SqliteStore): Loss[] {
  const losses: Loss[] = [];
  store.outbox.tellLosses((seq, loss) => {
    losses.push(loss);
    return {
      topic: 'csu/v1/57463-mairie/collector/event/loss',
      payload: `id-${seq}`,
      id: `id-${seq}`,
      class: 'intrusion',
    };
  });
  return losses;
}

/** A folder that is gone after the test, outside of the one of the test runner. */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'beffroi-store-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export type DiskKind = 'tmpfs' | 'ext4';

/** A small disk that is mounted for the test alone. */
export class SmallDisk {
  readonly folder: string;
  readonly #filler: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.#filler = join(folder, 'filler');
  }

  /** @returns why not, where this account may not mount */
  static mount(t: Test, kind: DiskKind): SmallDisk | string {
    const place = mkdtempSync(join(tmpdir(), 'beffroi-disk-'));
    const folder = join(place, 'disk');
    t.teardown(() => rmSync(place, { recursive: true }));
    mkdirSync(folder);
    try {
      if (kind === 'tmpfs') run('/bin/mount', '-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', folder);
      else mountImage(join(place, 'image'), folder);
    } catch (thrown) {
      return `no ${kind} can be mounted here: ${String(thrown)}`;
    }
    t.teardown(() => run('/bin/umount', '--lazy', folder));
    return new SmallDisk(folder);
  }

  /** Takes all the space that is left but for `spareBytes`. */
  fill(spareBytes = 0): void {
    this.free();
    const { bavail, bsize } = statfsSync(this.folder);
    try {
      writeFileSync(this.#filler, Buffer.alloc(Math.max(0, bavail * bsize - spareBytes)));
    } catch (thrown) {
      if (systemCode(thrown) !== 'ENOSPC') throw thrown;
    }
  }

  free(): void {
    rmSync(this.#filler, { force: true });
  }

  remount(mode: 'ro' | 'rw'): void {
    run('/bin/mount', '-o', `remount,${mode}`, this.folder);
  }
}

function mountImage(image: string, folder: string): void {
  run('/usr/bin/truncate', '--size=12M', image);
  run('/sbin/mkfs.ext4', '-q', '-F', '-m', '0', image);
  run('/bin/mount', '-o', 'loop', image, folder);
}

function run(command: string, ...words: string[]): void {
  execFileSync(command, words, { stdio: 'pipe' });
}

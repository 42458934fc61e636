import { randomUUID } from 'node:crypto';
import { systemClock } from '../base/clock.ts';
import { createLog } from '../base/log.ts';
import { plainJson } from '../base/text.ts';
import { type BoxFile, readBoxFile } from '../config/box-file.ts';
import { readBoxKeys } from '../config/box-keys.ts';
import { lookUp } from '../config/consent/names.ts';
import { expectedSerial } from '../health/identity.ts';
import type { Inventory } from '../inventory/finding.ts';
import { readKnown, readLast } from '../inventory/memory.ts';
import { takeInventory } from '../inventory/take.ts';
import { readMemory } from '../store/read-memory.ts';
import { storedConfiguration } from './check-configuration.ts';
import { inventoryText } from './inventory-text.ts';
import type { Language } from './language.ts';

export interface InventoryOptions {
  readonly config: string;
  readonly language: Language;
  readonly json: boolean;
  /** Looks now; shows the last look of the agent otherwise. */
  readonly now: boolean;
}

const NOTHING = {
  fr: "L'agent n'a pas encore fait d'inventaire ; --now le fait maintenant.",
  en: 'The agent has taken no inventory yet; --now takes one.',
};
const NO_CONFIGURATION = {
  fr: "Aucune configuration n'est encore venue du CSU : rien à comparer. beffroi discover montre le réseau.",
  en: 'No configuration has come from the CSU yet: nothing to compare. beffroi discover shows the network.',
};

/**
 * `beffroi inventory`: the last look of the agent, by what is on the disk of the box, or one of its own, of which nothing is
 * kept and nothing sent.
 * @returns the exit code: 0 when everything is in its place and nobody else is there, 1 otherwise
 * @throws BeffroiError as what is read
 */
export async function showInventory({ config, language, json, now }: InventoryOptions): Promise<number> {
  const box = await readBoxFile(config);
  const inventory = now ? await take(box) : readLast((room, key) => readMemory(box.stateFolder, room, key));
  if (!inventory) {
    console.error((now ? NO_CONFIGURATION : NOTHING)[language]);
    return 1;
  }
  console.log(json ? plainJson(JSON.stringify(inventory)) : inventoryText(inventory, language));
  return inventory.findings.length === 0 && inventory.complete ? 0 : 1;
}

async function take(box: BoxFile): Promise<Inventory | undefined> {
  const stored = await storedConfiguration(box, await readBoxKeys(box));
  if (!stored) return undefined;
  const get = (room: string, key: string) => readMemory(box.stateFolder, room, key);
  const needs = {
    clock: systemClock,
    log: createLog('error', { write: () => undefined }),
    ...{ lookUp, newId: randomUUID },
    known: (camera: string) => readKnown(get, camera),
    serial: (camera: Parameters<typeof expectedSerial>[1]) => expectedSerial(get, camera),
    // What health has heard is in the agent alone.
    isSwapped: () => false,
  };
  const { cameras, inventory } = stored;
  return (await takeInventory(needs, cameras, inventory, new AbortController().signal)).inventory;
}

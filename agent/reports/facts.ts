import type { Memory } from '../store/store.ts';
import type { Facts, Targets } from './ports.ts';

/** Rooms of the memory of the store. */
const FACTS_ROOM = 'report-facts';
const SETTINGS_ROOM = 'report-settings';
const TARGETS = 'targets';

/** Remembers what is configured; what no longer is keeps its name, for the reports on the time before. */
export function keepFacts(memory: Memory, facts: readonly Facts[]): void {
  const now = new Map(facts.map((one) => [one.id, JSON.stringify({ ...one, isConfigured: true })]));
  for (const [id, text] of memory.entries(FACTS_ROOM)) {
    if (now.get(id) === text) now.delete(id);
    else if (!now.has(id)) forgetConfigured(memory, id, text);
  }
  for (const [id, text] of now) memory.set(FACTS_ROOM, id, text);
}

function forgetConfigured(memory: Memory, id: string, text: string): void {
  const facts = parseFacts(text);
  if (!facts) memory.delete(FACTS_ROOM, id);
  else if (facts.isConfigured) memory.set(FACTS_ROOM, id, JSON.stringify({ ...facts, isConfigured: false }));
}

/** Forgets whatever no span tells of any more. */
export function forgetFacts(memory: Memory, told: ReadonlySet<string>): void {
  for (const [id, text] of memory.entries(FACTS_ROOM))
    if (!told.has(id) && !parseFacts(text)?.isConfigured) memory.delete(FACTS_ROOM, id);
}

export function keepTargets(memory: Memory, targets: Targets): void {
  const text = JSON.stringify(targets);
  if (memory.get(SETTINGS_ROOM, TARGETS) !== text) memory.set(SETTINGS_ROOM, TARGETS, text);
}

/** Small values of a room, as the store holds them. */
type Entries = (room: string) => readonly (readonly [key: string, value: string])[];

/** What reports are told by, as it is on disk. */
export function factsOnDisk(entries: Entries): { readonly facts: Facts[]; readonly targets: Targets } {
  const settings = new Map(entries(SETTINGS_ROOM));
  return {
    facts: entries(FACTS_ROOM).flatMap(([, text]) => parseFacts(text) ?? []),
    targets: (parse(settings.get(TARGETS) ?? '') ?? {}) as Targets,
  };
}

function parseFacts(text: string): Facts | undefined {
  const facts = parse(text) as Partial<Facts> | undefined;
  const isFacts = typeof facts?.id === 'string' && typeof facts.name === 'string';
  return isFacts ? (facts as Facts) : undefined;
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

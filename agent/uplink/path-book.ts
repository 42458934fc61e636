import { asBeffroiError, type BeffroiError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Fields } from '../contract/messages.ts';
import type { PathName } from '../contract/transmission.ts';
import type { Store } from '../store/store.ts';

export interface PathBookNeeds {
  readonly log: Log;
  readonly store: Pick<Store, 'memory' | 'transaction'>;
  readonly tell: (event: Omit<Fields<'path'>, 'id'>) => void;
}

export type PathsSeen = Pick<Fields<'path'>, 'main' | 'backup' | 'in_use'>;

const ROOM = 'uplink';
const KEY = 'paths-told';
/** How it ought to be, which is no news. */
const ALL_UP = JSON.stringify({ main: 'up', backup: 'up', in_use: 'main' } satisfies PathsSeen);

/**
 * What the CSU was told of the paths, which outlives a restart: each change makes one event, and a box that is killed in
 * between tells what has become of it.
 */
export class PathBook {
  readonly #needs: PathBookNeeds;

  constructor(needs: PathBookNeeds) {
    this.#needs = needs;
  }

  /** Makes an event, if this is not what was told last. @param errors why a path is lost */
  tell(seen: PathsSeen, errors: Readonly<Record<PathName, BeffroiError | undefined>>): void {
    const { log, store, tell } = this.#needs;
    try {
      const told = store.memory.get(ROOM, KEY) ?? ALL_UP;
      const text = JSON.stringify(seen);
      if (text === told) return;
      const event = { ...seen, ...reasonOf(seen, parse(told), errors) };
      log.warn({ paths: event }, 'paths to the CSU');
      store.transaction(() => {
        store.memory.set(ROOM, KEY, text);
        tell(event);
      });
    } catch (thrown) {
      log.error({ err: asBeffroiError(thrown) }, 'a change of path could not be told');
    }
  }
}

/** Of what this program has not written nothing is known. */
function parse(text: string): Partial<PathsSeen> {
  try {
    return (JSON.parse(text) as PathsSeen | null) ?? {};
  } catch {
    return {};
  }
}

/** Of the path that was lost since the last event. */
function reasonOf(
  seen: PathsSeen,
  told: Partial<PathsSeen>,
  errors: Readonly<Record<PathName, BeffroiError | undefined>>,
): Pick<Fields<'path'>, 'cause' | 'detail'> {
  const lost = (['main', 'backup'] as const).find((name) => seen[name] === 'lost' && told[name] !== 'lost');
  const error = lost && errors[lost];
  return { cause: error?.code ?? 'none', detail: error?.message.slice(0, 500) ?? '' };
}

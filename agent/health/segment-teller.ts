import type { Clock } from '../base/clock.ts';
import { CODES } from '../base/codes.ts';
import type { Log } from '../base/log.ts';
import type { Fields } from '../contract/messages.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { SegmentView } from './segments.ts';

const CAUSE = 'camera-network-down';

interface Needs {
  readonly clock: Clock;
  readonly log: Log;
  readonly reporter: Reporter;
}

type Told = Pick<Fields<'segmentHealth'>, 'state' | 'since'>;

/** Tells how each segment is, when that changes. */
export class SegmentTeller {
  readonly #needs: Needs;
  #told = new Map<string, Told>();

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  tell(views: readonly SegmentView[]): void {
    const before = this.#told;
    this.#told = new Map(views.map((view) => [view.id, this.#one(view, before.get(view.id))]));
    for (const id of before.keys())
      if (!this.#told.has(id)) this.#needs.reporter.clearState('segmentHealth', id);
  }

  #one(view: SegmentView, before: Told | undefined): Told {
    const state = view.down ? 'down' : view.unknown ? 'unknown' : 'ok';
    const since = before?.state === state ? before.since : this.#needs.clock.wallMs();
    if (before?.state !== state) this.#log(view, state);
    this.#needs.reporter.state('segmentHealth', view.id, fieldsOf(view, state, since));
    return { state, since };
  }

  #log({ id, unreachable, lost }: SegmentView, state: Told['state']): void {
    this.#needs.log[state === 'down' ? 'warn' : 'info'](
      { segment: id, state, unreachable, lost },
      'segment health',
    );
  }
}

function fieldsOf(view: SegmentView, state: Told['state'], since: number): Fields<'segmentHealth'> {
  const { id, name, kind, cameras, unreachable, lost, side, consequenceOf } = view;
  const cause = state === 'down' ? CAUSE : 'none';
  return {
    segment: id,
    name,
    kind,
    state,
    cause,
    fault: cause === 'none' ? 'none' : CODES[cause].fault,
    side,
    ...(consequenceOf !== undefined && { consequence_of: consequenceOf }),
    since,
    cameras: cameras.length,
    cameras_unreachable: unreachable.length,
    cameras_lost: lost.length,
    unreachable: unreachable.join(', ').slice(0, 2000),
  };
}

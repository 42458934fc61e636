import { isoText } from '../base/clock.ts';
import type { Code } from '../base/codes.ts';
import type { ChannelEvent, Fields } from '../contract/messages.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { ChannelAction, ClosedBy } from '../contract/viewing.ts';
import type { RegisterLine, Store } from '../store/store.ts';
import type { RefusalSum } from '../trust/refusal-sum.ts';
import type { ChannelFacts } from './facts.ts';
import { type Counts, NONE } from './tally.ts';

export interface RecordNeeds {
  readonly reporter: Pick<Reporter, 'event'>;
  readonly store: Pick<Store, 'memory' | 'register' | 'transaction'>;
  /** A camera that is not of the configuration has no topic: a refused order may name any. */
  readonly knowsCamera: (camera: string) => boolean;
}

/** One line of the register about a view or a lease. */
export interface ChannelRecord {
  readonly action: ChannelAction;
  /** Key id of who ordered it, or `box`. */
  readonly who: string;
  readonly facts: ChannelFacts;
  readonly cause?: Code;
  readonly closedBy?: ClosedBy;
  /** What went out so far; nothing when absent. */
  readonly counts?: Counts;
  readonly detail?: string;
  /** Of several refused orders in one line. */
  readonly refusals?: Pick<RefusalSum, 'count' | 'fromMs' | 'untilMs'>;
}

type ChannelFields = Omit<Fields<'channel'>, 'id'>;

const MAX_DETAIL = 500;
const ROOM = 'partner-lines';

/** Writes the register, tells the CSU, and tells the partner whose camera it is. */
export class ChannelRecords {
  readonly #needs: RecordNeeds;

  constructor(needs: RecordNeeds) {
    this.#needs = needs;
  }

  /** Durable when this returns. */
  write(record: ChannelRecord): void {
    const { store, reporter, knowsCamera } = this.#needs;
    const { camera, partner } = record.facts;
    store.transaction(() => {
      const line = this.#line(record);
      if (record.action.endsWith('.refused') && !knowsCamera(camera)) return;
      const fields = fieldsOf(record, line);
      reporter.event('channel', camera, fields);
      if (partner !== undefined) reporter.event('consignation', camera, { ...fields, partner }, partner);
    });
  }

  /** Lines of a partner are numbered under the signature of the box: one that is not received is missed by its number. */
  #partnerLine(partner: string | undefined): { readonly partner_line?: number } {
    if (partner === undefined) return {};
    const { memory } = this.#needs.store;
    const number = Number(memory.get(ROOM, partner) ?? 0) + 1;
    memory.set(ROOM, partner, String(number));
    return { partner_line: number };
  }

  #line({ action, who, facts, cause, closedBy, counts, detail, refusals }: ChannelRecord): RegisterLine {
    const { channel, camera, startMs, endMs, calledMs, onBehalfOf, ...others } = facts;
    const told = {
      ...others,
      ...this.#partnerLine(facts.partner),
      on_behalf_of: onBehalfOf,
      start: isoText(startMs),
      end: isoText(endMs),
      ...(calledMs === undefined ? {} : { called: isoText(calledMs) }),
      ...countFields(counts),
      ...(closedBy === undefined ? {} : { closed_by: closedBy }),
      ...refusalFields(refusals),
      ...(detail ? { detail: detail.slice(0, MAX_DETAIL) } : {}),
    };
    return this.#needs.store.register.append({
      action,
      who,
      subject: `${camera} ${channel}`,
      result: cause ?? 'none',
      detail: JSON.stringify(told),
    });
  }
}

function fieldsOf(record: ChannelRecord, line: RegisterLine): ChannelFields {
  const { facts, counts, closedBy } = record;
  return {
    action: record.action,
    channel: facts.channel,
    camera: facts.camera,
    who: record.who,
    operator: facts.operator,
    on_behalf_of: facts.onBehalfOf,
    recipient: facts.recipient,
    reason: facts.reason,
    start: facts.startMs,
    end: facts.endMs,
    ...countFields(counts),
    cause: record.cause ?? 'none',
    ...(closedBy === undefined ? {} : { closed_by: closedBy }),
    ...refusalFields(record.refusals),
    detail: (record.detail ?? '').slice(0, MAX_DETAIL),
    ...lineFields(line),
  };
}

function countFields({ bytes, frames, lostFrames }: Counts = NONE) {
  return { bytes, frames, ...(lostFrames === undefined ? {} : { lost_frames: lostFrames }) };
}

/** Of one refused order the line says all. */
function refusalFields(sum: ChannelRecord['refusals']) {
  if (!sum || sum.count < 2) return {};
  return { refused: sum.count, refused_first: sum.fromMs, refused_last: sum.untilMs };
}

type LineFields = Pick<ChannelEvent, Extract<keyof ChannelEvent, `line${string}`>>;

function lineFields(line: RegisterLine): LineFields {
  return {
    line: line.number,
    line_ts: line.wallMs,
    line_clock: line.clock,
    line_subject: line.subject,
    line_result: line.result,
    line_detail: line.detail,
    line_previous: line.previous,
    line_hash: line.hash,
    line_signature: line.signature,
  };
}

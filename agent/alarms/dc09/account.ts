import type { Clock, ClockTrust } from '../../base/clock.ts';
import {
  type ALARM_CODES,
  type CodeMeaning,
  meaningOfContactId,
  meaningOfSia,
} from '../../contract/alarm-codes.ts';
import type { Fields, Severity } from '../../contract/messages.ts';
import type { Reporter } from '../../contract/reporter.ts';
import type { Store } from '../../store/store.ts';
import type { Details, OpenedPanel, PanelSilencePoint, PanelZonePoint } from '../ports.ts';
import type { Observation, SourceListener } from '../source.ts';
import { AccountMemory, type PanelMessage, type Part } from './account-memory.ts';
import type { Content } from './content.ts';
import type { Frame } from './frame.ts';
import { plainNumber, type Signal } from './signals.ts';
import { SignsOfLife } from './signs-of-life.ts';
import { type Moment, SilenceTimer } from './silence-timer.ts';

export interface AccountNeeds {
  readonly clock: Clock;
  readonly clockTrust: () => ClockTrust;
  readonly reporter: Reporter;
  readonly store: Store;
}

export interface AccountOptions {
  readonly panel: string;
  readonly account: OpenedPanel['accounts'][number];
  readonly zones: readonly PanelZonePoint[];
  readonly silences: readonly PanelSilencePoint[];
}

type PanelSignalFields = Omit<Fields<'panelSignal'>, 'id'>;

/** One account of a panel: its points, what it said last, and when it was heard. */
export class Account {
  readonly id: string;
  readonly key: Buffer | undefined;
  readonly supervised: boolean;
  readonly #needs: AccountNeeds;
  readonly #options: AccountOptions;
  readonly #listener: SourceListener;
  readonly #memory: AccountMemory;
  readonly #signs: SignsOfLife;
  readonly #timer: SilenceTimer;
  /** Not heard since the port opened, or since it fell silent. */
  #isUnheard = true;

  constructor(needs: AccountNeeds, options: AccountOptions, listener: SourceListener) {
    this.id = options.account.account;
    this.key = options.account.key;
    this.supervised = options.silences.length > 0;
    this.#needs = needs;
    this.#options = options;
    this.#listener = listener;
    const of = { panel: options.panel, account: this.id, startMs: needs.clock.monotonicMs() };
    this.#memory = new AccountMemory(needs.store, of);
    this.#timer = new SilenceTimer(needs.store, { ...of, limitMs: options.account.supervisionS * 1000 });
    this.#signs = new SignsOfLife(this.#memory.heardMs);
  }

  get silent(): boolean {
    return this.#memory.silent;
  }

  /**
   * The port is open: from here on the panel can be heard. Until it is, nothing is known of its zones; that it was not silent
   * for too long is what the box knows by itself.
   */
  begin(): void {
    this.#isUnheard = true;
    this.#timer.begin(this.#now.monotonicMs);
    if (this.silent) this.#tellSilence(true);
    else this.#listener.confirmed(this.#options.silences.map(({ id }) => id));
  }

  /** No more is heard in this start. */
  end(): void {
    this.#timer.keep(this.#now.monotonicMs);
  }

  /** Whether a genuine message came from there lately. */
  knows(address: string): boolean {
    return this.#memory.addresses.includes(address);
  }

  /**
   * Any good message of the account is what supervision asks for; an encrypted one once, since it can be played again.
   * @param latestMs the latest time stamp that can be true now
   */
  came(
    frame: Frame,
    content: Content,
    { from, latestMs }: { readonly from: string; readonly latestMs: number },
  ): void {
    const sentMs = frame.encrypted ? content.sentMs : undefined;
    const id = signOf(frame, content);
    if (sentMs !== undefined && !this.#signs.isNew({ id, sentMs, latestMs })) return;
    this.#heard();
    this.#memory.heard(from, sentMs);
  }

  /** Whether this very message came before, as far as it is remembered. */
  hasCome(frame: Frame, content: Content): boolean {
    const { sentMs } = content;
    const isSign = frame.encrypted && sentMs !== undefined && this.#signs.has(signOf(frame, content), sentMs);
    return isSign || this.isRepeated(frame, content);
  }

  /** A panel repeats no states: what it said last is shown with the time until which it was heard. */
  #heard(): void {
    const untilMs = this.#timer.heardMs;
    this.#timer.heard(this.#now);
    this.#tellSilence(false);
    if (this.silent) this.#memory.setSilent(false);
    if (!this.#isUnheard) return;
    this.#isUnheard = false;
    this.#listener.held(this.#zoneIds, untilMs);
  }

  /** Looks at the silence timer. */
  evaluate(): void {
    if (this.silent || !this.#timer.isOver(this.#now)) return;
    this.#isUnheard = true;
    this.#memory.setSilent(true);
    this.#listener.lost(this.#zoneIds);
    this.#tellSilence(true);
  }

  /** The latest time stamp of what was taken, Unix ms; minus infinity before the first. */
  get newestSentMs(): number {
    return this.#memory.newestSentMs;
  }

  /** What was sent until then and is not a repetition may have been taken before. Unix ms. */
  get forgottenMs(): number {
    return this.#memory.forgottenMs;
  }

  isRepeated(frame: Frame, content: Content): boolean {
    return this.#memory.isRepeated(this.#messageOf(frame, content));
  }

  /**
   * On disk when it returns, if the store is durable. What was done of a message before a crash is not done again when it
   * comes again.
   * @throws whatever the store throws: no ACK then
   */
  take(frame: Frame, content: Content, signals: readonly Signal[]): void {
    const message = this.#messageOf(frame, content);
    const beside = signals.flatMap(
      (signal, index) =>
        this.#takeOne(frame, content, signal, (point) => this.#memory.part(message, `${index} ${point}`)) ??
        [],
    );
    this.#memory.took(message, () => {
      for (const fields of beside) this.#needs.reporter.event('panelSignal', 'collector', fields);
    });
  }

  #messageOf({ sequence, encrypted }: Frame, content: Content): PanelMessage {
    return {
      sequence,
      text: textOf(content),
      sentMs: content.sentMs,
      encrypted,
      ...this.#now,
    };
  }

  get #now(): Moment {
    const { clock, clockTrust } = this.#needs;
    return { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs(), trust: clockTrust() };
  }

  get #zoneIds(): string[] {
    return this.#options.zones.map(({ id }) => id);
  }

  /** @returns what is told by itself because it changed no point, so that nothing a panel says is dropped */
  #takeOne(
    frame: Frame,
    content: Content,
    signal: Signal,
    partOf: (point: string) => Part,
  ): PanelSignalFields | undefined {
    const meaning = meaningOf(signal);
    const sourceMs = content.occurredMs ?? content.sentMs;
    const text =
      signal.text || content.extended.find(({ letter }) => letter === 'I')?.text.slice(0, 120) || '';
    const details = this.#detailsOf({ ...signal, text }, meaning);
    const told =
      meaning &&
      meaning.transition !== 'report' &&
      this.#tellPoints(signal, meaning, { sourceMs, details }, partOf);
    if (told) return undefined;
    return {
      ...details,
      source: this.#options.panel,
      account: this.id,
      category: meaning?.entry.category ?? 'unknown',
      meaning: meaning?.transition ?? 'unknown',
      severity: severityOf(meaning),
      sequence: frame.sequence,
      encrypted: frame.encrypted,
      ...(isWhole(sourceMs) ? { source_ts: sourceMs } : {}),
    };
  }

  #tellPoints(
    signal: Signal,
    { entry, transition }: CodeMeaning,
    said: Pick<Observation, 'sourceMs' | 'details'>,
    partOf: (point: string) => Part,
  ): boolean {
    const key = `${entry.category} ${entry.raised[0]} ${signal.area} ${signal.zone}`;
    const seen = { ...said, key, active: transition === 'raised', severity: entry.severity };
    const points = this.#options.zones.filter((point) => listensTo(point, signal, entry));
    return points.map(({ id }) => this.#tellPoint(id, seen, partOf(id))).includes(true);
  }

  #tellPoint(id: string, seen: Observation, part: Part): boolean {
    if (part.isDone) return true;
    const isTold = this.#listener.observed(id, { ...seen, along: () => part.write() });
    if (isTold) part.written();
    return isTold;
  }

  #tellSilence(active: boolean): void {
    const details = active ? ({ cause: 'panel-silent' } as const) : {};
    for (const { id } of this.#options.silences)
      this.#listener.observed(id, { key: 'silence', active, details });
  }

  #detailsOf({ form, code, qualifier, area, zone, text }: Signal, meaning: CodeMeaning | undefined): Details {
    const counterpart = meaning && counterpartOf(form, meaning);
    const own = form === 'sia' ? { code_sia: code } : { code_contact_id: `${qualifier}${code}` };
    return {
      ...counterpart,
      ...own,
      ...(area === '' ? {} : { area }),
      ...(zone === '' ? {} : { zone }),
      ...(text === '' ? {} : { text }),
      ...(meaning ? { category: meaning.entry.category } : {}),
    };
  }
}

function meaningOf({ form, code, qualifier = '1' }: Signal): CodeMeaning | undefined {
  return form === 'sia' ? meaningOfSia(code) : meaningOfContactId(code, qualifier);
}

/** The same in the other language of codes, where the table has it. */
function counterpartOf(form: Signal['form'], { entry, transition }: CodeMeaning): Details {
  const sia = transition === 'cleared' ? entry.cleared[0] : entry.raised[0];
  const event = entry.contactId[0];
  if (form === 'contact-id') return sia === undefined ? {} : { code_sia: sia };
  return event === undefined ? {} : { code_contact_id: `${transition === 'cleared' ? 3 : 1}${event}` };
}

/** Contact ID events whose third number is a user and no zone: duress, first use, and all of 4xx. @see SIA DC-05 */
const OF_A_USER = /^(?:121|313|4..)$/;

/** A user's number is no place: only a point of no zone in particular listens to what carries one. */
function listensTo(point: PanelZonePoint, signal: Signal, entry: (typeof ALARM_CODES)[number]): boolean {
  const { area, zone, codes } = point;
  if (zone !== undefined && signal.form === 'contact-id' && OF_A_USER.test(signal.code)) return false;
  const own: readonly string[] = [...entry.raised, ...entry.cleared, ...entry.contactId];
  return (
    (area === undefined || plainNumber(area) === signal.area) &&
    (zone === undefined || plainNumber(zone) === signal.zone) &&
    (codes === undefined || codes.some((code) => own.includes(code)))
  );
}

/** The same for two messages that are the same to their time stamp. */
function signOf({ sequence }: Frame, content: Content): string {
  return `${sequence} ${content.sentMs} ${textOf(content)}`;
}

/** A code that nobody knows may be anything. */
function severityOf(meaning: CodeMeaning | undefined): Severity {
  return meaning?.entry.severity ?? 'warning';
}

function isWhole(ms: number | undefined): ms is number {
  return ms !== undefined && Number.isSafeInteger(ms) && ms >= 0;
}

/** What makes two messages the same, without the time at which each was sent. */
function textOf({ data, extended }: Content): string {
  return [data, ...extended.map(({ letter, text }) => letter + text)].join('\u0000');
}

import { asBeffroiError, type BeffroiError, InternalError, OrderRefusedError } from '../base/errors.ts';
import type { Service } from '../base/lifecycle.ts';
import { limited } from '../base/limit.ts';
import type { CommandName } from '../contract/orders.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { Store } from '../store/store.ts';
import type { Refusals } from '../trust/refusals.ts';
import { takeOnce } from '../trust/replay.ts';
import { act, isAboutAlarms, isViewing, missingTarget } from './act.ts';
import { OpenCommands, type TakenCommand, type ToldCommand } from './open-commands.ts';
import type { CommandPorts } from './ports.ts';
import { CommandStatuses } from './statuses.ts';
import { judge, tooLarge, type VerifyNeeds } from './verify.ts';

/** How long a command may take. Source: guess; a camera check is a few network time-outs. */
const COMMAND_TIMEOUT_MS = 30_000;
/** Commands in work at a time. Source: guess. */
const MAX_AT_A_TIME = 8;
/** These wait for a device, the network or a time. All others are done as they are taken, however many of these are in work. */
const WAITING: ReadonlySet<CommandName> = new Set([
  'agent.ping',
  'camera.check',
  'stream.restart',
  'health.confirm',
  'report.publish',
  'inventory.run',
  'lease.open',
]);

export interface CommandNeeds extends VerifyNeeds {
  readonly reporter: Pick<Reporter, 'event'>;
  readonly store: Pick<Store, 'journal' | 'memory' | 'register' | 'transaction'>;
  readonly refusals: Pick<Refusals, 'refuse'>;
  readonly ports: CommandPorts;
}

/**
 * Takes the commands of the CSU: checks them, carries them out and tells how it went.
 * A command that holds is spent when it is taken, whatever becomes of it.
 */
export class CommandDesk implements Service {
  readonly name = 'command desk';
  readonly #needs: CommandNeeds;
  readonly #open: OpenCommands;
  readonly #statuses: CommandStatuses;
  readonly #stopping = new AbortController();
  readonly #working = new Set<Promise<void>>();

  constructor(needs: CommandNeeds) {
    this.#needs = needs;
    this.#open = new OpenCommands(needs.store.memory);
    this.#statuses = new CommandStatuses({ reporter: needs.reporter, register: needs.store.register });
  }

  /** Tells the end of every command that the last run of the agent left open. */
  async start(): Promise<void> {
    for (const command of this.#open.left()) this.#end(command, this.#leftOutcome(command));
  }

  /** Ends as failed what is in work; what comes later is not taken. */
  async stop(): Promise<void> {
    this.#stopping.abort(interrupted());
    await Promise.all(this.#working);
  }

  /** Takes one message of the command topic. Resolves when its command has ended or is refused; never rejects. */
  async receive(payload: Buffer, retained: boolean): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { command, error, signer } = judge(this.#needs, payload, retained);
    if (command && !error) await this.#take(command);
    else if (error) this.#refuse(command, error, signer);
  }

  /** A message on the command topic was above what the uplink takes, and was thrown away. */
  refuseOversize(bytes: number): void {
    this.#refuse(undefined, tooLarge(bytes));
  }

  async #take(command: TakenCommand): Promise<void> {
    const obstacle = this.#accept(command);
    if (obstacle) {
      this.#refuse(command, obstacle);
      return;
    }
    const working = this.#execute(command);
    this.#working.add(working);
    await working;
    this.#working.delete(working);
  }

  /** Spends the id durably together with what follows from it. @returns why the command is not carried out */
  #accept(command: TakenCommand): BeffroiError | undefined {
    try {
      return this.#needs.store.transaction(() => {
        takeOnce(this.#needs.store.journal, command.order);
        const obstacle = this.#obstacle(command);
        if (!obstacle) {
          this.#open.open(command);
          this.#statuses.accepted(command);
        }
        return obstacle;
      });
    } catch (thrown) {
      return asBeffroiError(thrown);
    }
  }

  #obstacle(command: TakenCommand): BeffroiError | undefined {
    const { order } = command;
    if (WAITING.has(order.command) && this.#working.size >= MAX_AT_A_TIME) {
      return new OrderRefusedError('order-busy', `expected fewer than ${MAX_AT_A_TIME} commands in work`);
    }
    const missing = missingTarget(this.#needs.ports, order);
    if (missing || !isViewing(order)) return missing;
    return this.#needs.ports.viewing.obstacle({ ...command, order });
  }

  async #execute(command: TakenCommand): Promise<void> {
    this.#statuses.executing(command);
    const { clock } = this.#needs;
    const signal = this.#stopping.signal;
    const outcome = await limited(clock, COMMAND_TIMEOUT_MS, signal, timedOut, (inner) =>
      act(this.#needs.ports, command, inner),
    ).catch(asBeffroiError);
    this.#end(command, outcome);
  }

  /** What an order did to alarms and views is on disk, though the agent did not live to say so. */
  #leftOutcome({ order, signer }: ToldCommand): BeffroiError | string {
    const { alarms, viewing } = this.#needs.ports;
    const applied =
      (isAboutAlarms(order) && alarms.isApplied(order, signer)) ||
      (isViewing(order) && viewing.isApplied(order, signer));
    return applied ? 'done; the agent stopped before it could say so' : interrupted();
  }

  #end(command: ToldCommand, outcome: BeffroiError | string): void {
    this.#needs.store.transaction(() => {
      this.#open.close(command);
      if (typeof outcome === 'string') this.#statuses.successful(command, outcome);
      else this.#fail(command, outcome);
    });
  }

  #fail(command: ToldCommand, error: BeffroiError): void {
    this.#statuses.failed(command, error);
    const { order, signer } = command;
    if (isViewing(order)) this.#needs.ports.viewing.failed(order, signer, error);
  }

  #refuse(command: TakenCommand | undefined, error: BeffroiError, signer = command?.signer): void {
    const told = this.#needs.refusals.refuse({
      order: 'command',
      orderId: command?.order.jti ?? '',
      signer: signer ?? 'unknown',
      error,
    });
    if (!command) return;
    if (told) this.#statuses.rejected(command, error);
    const { order, signer: who } = command;
    if (!isViewing(order)) return;
    const { viewing } = this.#needs.ports;
    if (told) viewing.refused(order, who, error);
    else viewing.refusedToo(order, who, error);
  }
}

function interrupted(): InternalError {
  return new InternalError('command-interrupted', 'the agent stopped before the command had ended');
}

function timedOut(): InternalError {
  return new InternalError('command-timeout', `the command did not end within ${COMMAND_TIMEOUT_MS} ms`);
}

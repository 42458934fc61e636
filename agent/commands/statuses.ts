import type { BeffroiError } from '../base/errors.ts';
import type { CommandEvent } from '../contract/messages.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { Register } from '../store/store.ts';
import type { ToldCommand } from './open-commands.ts';

/** Longest answer of a port that is told on. Source: guess. */
const MAX_DETAIL = 500;

export interface StatusNeeds {
  readonly reporter: Pick<Reporter, 'event'>;
  readonly register: Pick<Register, 'append'>;
}

/** Tells the CSU and the register how it goes with a command. */
export class CommandStatuses {
  readonly #needs: StatusNeeds;

  constructor(needs: StatusNeeds) {
    this.#needs = needs;
  }

  accepted(command: ToldCommand): void {
    this.#register('order.accepted', command, command.order.command, personOf(command.order));
    this.#event('accepted', command, 'none', '');
  }

  executing(command: ToldCommand): void {
    this.#event('executing', command, 'none', '');
  }

  successful(command: ToldCommand, detail: string): void {
    this.#register('order.successful', command, 'none', detail);
    this.#event('successful', command, 'none', detail);
  }

  failed(command: ToldCommand, error: BeffroiError): void {
    this.#register('order.failed', command, error.code, error.message);
    this.#event('failed', command, error.code, error.message);
  }

  /** For a command with a good signature; the line of the register is that of the refusal. */
  rejected(command: ToldCommand, error: BeffroiError): void {
    this.#event('rejected', command, error.code, error.message);
  }

  #event(
    status: CommandEvent['status'],
    { order, signer }: ToldCommand,
    cause: CommandEvent['cause'],
    detail: string,
  ): void {
    this.#needs.reporter.event('command', 'collector', {
      command: order.command,
      command_id: order.jti,
      status,
      signer,
      ...targetOf(order),
      cause,
      detail: detail.slice(0, MAX_DETAIL),
    });
  }

  #register(action: string, { order, signer }: ToldCommand, result: string, detail: string): void {
    const [target] = Object.values(targetOf(order));
    this.#needs.register.append({
      action,
      who: signer,
      subject: [order.command, target, order.jti].filter(Boolean).join(' '),
      result,
      detail: detail.slice(0, MAX_DETAIL),
    });
  }
}

/** Who gives the order, where it says so, and why. */
function personOf(order: ToldCommand['order']): string {
  if ('operator' in order) return order.operator;
  if (!('by' in order)) return '';
  return order.why === undefined ? order.by : `${order.by}: ${order.why}`;
}

/** What a command is about. */
function targetOf(order: ToldCommand['order']): Pick<CommandEvent, 'camera' | 'point' | 'alarm'> {
  if ('camera' in order) return { camera: order.camera };
  if ('point' in order) return { point: order.point };
  return 'alarm' in order ? { alarm: order.alarm } : {};
}

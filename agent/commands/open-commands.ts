import { type CommandOrder, commandOrder, type Role } from '../contract/orders.ts';
import type { Memory } from '../store/store.ts';

/** A command that was taken and whose end was not told yet. */
export interface TakenCommand {
  readonly order: CommandOrder;
  /** Key id of who signed, in a role that the command asks for where there is one. */
  readonly signer: string;
  /** Every key with a good signature, in each of its roles. */
  readonly signers: readonly { readonly kid: string; readonly role: Role }[];
  /** The order as received. */
  readonly jws: string;
}

/** What is told of a command. */
export type ToldCommand = Pick<TakenCommand, 'order' | 'signer'>;

const ROOM = 'commands';

/** Remembers which commands are in work, so that a restart in the middle leaves none without an end. */
export class OpenCommands {
  readonly #memory: Memory;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  get size(): number {
    return this.#memory.entries(ROOM).length;
  }

  open({ order, signer }: ToldCommand): void {
    this.#memory.set(ROOM, order.jti, JSON.stringify({ order, signer }));
  }

  close({ order }: ToldCommand): void {
    this.#memory.delete(ROOM, order.jti);
  }

  /** What an earlier start of the agent left open. Entries that cannot be read are forgotten. */
  left(): ToldCommand[] {
    return this.#memory.entries(ROOM).flatMap(([key, value]) => {
      const command = readCommand(value);
      if (!command) this.#memory.delete(ROOM, key);
      return command ? [command] : [];
    });
  }
}

function readCommand(value: string): ToldCommand | undefined {
  try {
    const { order, signer } = JSON.parse(value) as { order?: unknown; signer?: unknown };
    const parsed = commandOrder.safeParse(order);
    return parsed.success && typeof signer === 'string' ? { order: parsed.data, signer } : undefined;
  } catch {
    return undefined;
  }
}

import { type CommandOrder, commandOrder } from '../contract/orders.ts';
import type { Memory } from '../store/store.ts';

/** A command that was taken and whose end was not told yet. */
export interface TakenCommand {
  readonly order: CommandOrder;
  /** Key id of who signed. */
  readonly signer: string;
}

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

  open(command: TakenCommand): void {
    this.#memory.set(ROOM, command.order.jti, JSON.stringify(command));
  }

  close({ order }: TakenCommand): void {
    this.#memory.delete(ROOM, order.jti);
  }

  /** What an earlier start of the agent left open. Entries that cannot be read are forgotten. */
  left(): TakenCommand[] {
    return this.#memory.entries(ROOM).flatMap(([key, value]) => {
      const command = readCommand(value);
      if (!command) this.#memory.delete(ROOM, key);
      return command ? [command] : [];
    });
  }
}

function readCommand(value: string): TakenCommand | undefined {
  try {
    const { order, signer } = JSON.parse(value) as { order?: unknown; signer?: unknown };
    const parsed = commandOrder.safeParse(order);
    return parsed.success && typeof signer === 'string' ? { order: parsed.data, signer } : undefined;
  } catch {
    return undefined;
  }
}

import type { Clock } from '../../base/clock.ts';
import { Channel, type Equipment } from '../equipment/channel.ts';
import { encodeRead, ModbusExceptionError, ReadAnswer } from './frame.ts';

/** A run of inputs that are asked for together. */
export interface Block {
  readonly address: number;
  readonly count: number;
}

/** A connection to a Modbus TCP server: a module, or a gateway with units behind it. */
export class ModbusClient {
  readonly #channel: Channel;
  readonly #module: string;
  readonly #unit: number;
  #transaction = 0;

  private constructor(channel: Channel, module: string, unit: number) {
    this.#channel = channel;
    this.#module = module;
    this.#unit = unit;
  }

  /** @throws DeviceError `equipment-port-closed`, `equipment-unreachable` */
  static async connect(
    module: Equipment & { readonly unit: number },
    clock: Clock,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<ModbusClient> {
    return new ModbusClient(await Channel.open(module, clock, signal, timeoutMs), module.id, module.unit);
  }

  /**
   * States of the inputs, the one at `address` first.
   * @throws ModbusExceptionError when the module refuses; any other error ends the connection
   */
  async readDiscreteInputs({ address, count }: Block, signal: AbortSignal): Promise<boolean[]> {
    this.#transaction = (this.#transaction + 1) % 0x10000;
    const request = { transaction: this.#transaction, unit: this.#unit, address, count };
    const reader = new ReadAnswer(this.#module, request);
    const answer = await this.#channel.ask(encodeRead(request), reader, signal);
    if (answer instanceof ModbusExceptionError) throw answer;
    return answer;
  }

  close(): void {
    this.#channel.close();
  }
}

import { Polled, type PolledNeeds, type PolledWork } from '../equipment/polled.ts';
import type { AlarmConfiguration, AlarmModule, AlarmPoint, ModulePoint } from '../ports.ts';
import type { AlarmSource, SourceListener, SourcePlan } from '../source.ts';
import { blocksOf } from './blocks.ts';
import { type Block, ModbusClient } from './client.ts';
import { ModbusExceptionError } from './frame.ts';
import { Question } from './question.ts';
import { SteadyInput } from './steady.ts';

export type ModuleSourceNeeds = PolledNeeds;

/** The input modules that have points. */
export function modulePlans(
  needs: ModuleSourceNeeds,
  { modules = [], points }: AlarmConfiguration,
): SourcePlan[] {
  return modules.flatMap((module) => {
    const own = points.filter(isModulePoint).filter((point) => point.module === module.id);
    if (own.length === 0) return [];
    const { id, host, port, unit, pollMs, timeoutMs } = module;
    const rules = own.map(({ id: point, address, inverted, debounceMs }) => [
      point,
      address,
      inverted,
      debounceMs,
    ]);
    return {
      id,
      depends: JSON.stringify([host, port, unit, pollMs, timeoutMs, rules]),
      points: own,
      make: (listener) => new ModuleSource(needs, { module, points: own }, listener),
    };
  });
}

function isModulePoint(point: AlarmPoint): point is ModulePoint {
  return point.kind === 'module-input';
}

interface Input {
  readonly point: ModulePoint;
  readonly steady: SteadyInput;
}

/** A module has one condition per point: its input. */
const CONDITION = 'input';

/** Reads the inputs of one module again and again. */
class ModuleSource implements AlarmSource, PolledWork<ModbusClient> {
  readonly #needs: ModuleSourceNeeds;
  readonly #module: AlarmModule;
  readonly #listener: SourceListener;
  readonly #inputs: readonly Input[];
  readonly #questions: readonly Question[];
  readonly #abort = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(
    needs: ModuleSourceNeeds,
    { module, points }: { readonly module: AlarmModule; readonly points: readonly ModulePoint[] },
    listener: SourceListener,
  ) {
    this.#needs = needs;
    this.#module = module;
    this.#listener = listener;
    this.#inputs = points.map((point) => ({ point, steady: new SteadyInput(point.debounceMs) }));
    this.#questions = blocksOf(points.map(({ address }) => address)).map((block) => new Question(block));
  }

  start(): void {
    this.#running = new Polled(this.#needs, this.#module, this.#listener, this).run(this.#abort.signal);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  connect(signal: AbortSignal): Promise<ModbusClient> {
    return ModbusClient.connect(this.#module, this.#needs.clock, signal, this.#module.timeoutMs);
  }

  /** What the module refuses of one block leaves the others as they are. */
  async round(client: ModbusClient, signal: AbortSignal): Promise<Error | undefined> {
    for (const question of this.#questions)
      if (question.isDue(this.#needs.clock.monotonicMs())) await this.#ask(client, question, signal);
    return this.#questions.find(({ standing }) => standing)?.standing;
  }

  lost(): void {
    for (const question of this.#questions) question.reset();
    this.#lost(this.#inputs);
  }

  async #ask(client: ModbusClient, question: Question, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#needs;
    const { block } = question;
    try {
      this.#take(block, await client.readDiscreteInputs(block, signal));
      question.reset();
    } catch (thrown) {
      if (!(thrown instanceof ModbusExceptionError)) throw thrown;
      question.refused(thrown, clock.monotonicMs(), random());
      this.#lost(this.#inputsOf(block));
    }
  }

  #take(block: Block, states: readonly boolean[]): void {
    const nowMs = this.#needs.clock.monotonicMs();
    for (const { point, steady } of this.#inputsOf(block)) {
      const state = steady.read(states[point.address - block.address] === true, nowMs);
      if (state === undefined) continue;
      const active = state !== point.inverted;
      this.#listener.observed(point.id, { key: CONDITION, active });
    }
  }

  #lost(inputs: readonly Input[]): void {
    for (const { steady } of inputs) steady.interrupted();
    this.#listener.lost(inputs.map(({ point }) => point.id));
  }

  #inputsOf({ address, count }: Block): Input[] {
    return this.#inputs.filter(({ point }) => point.address >= address && point.address < address + count);
  }
}

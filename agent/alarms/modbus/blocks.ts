import type { Block } from './client.ts';
import { INPUTS_MAX } from './frame.ts';

/**
 * The fewest questions that ask for these inputs and for no other: a module may refuse a question for one input that
 * it does not have.
 */
export function blocksOf(addresses: Iterable<number>): Block[] {
  const sorted = [...new Set(addresses)].sort((a, b) => a - b);
  const blocks: Block[] = [];
  for (const address of sorted) {
    const last = blocks.at(-1);
    if (last && address === last.address + last.count && last.count < INPUTS_MAX)
      blocks[blocks.length - 1] = { ...last, count: last.count + 1 };
    else blocks.push({ address, count: 1 });
  }
  return blocks;
}

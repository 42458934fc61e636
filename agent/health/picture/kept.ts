import { COARSE_GRID, FINE_GRID } from '../../contract/picture-grids.ts';
import type { LearntFocus } from './focus.ts';
import type { LearntPattern } from './learnt-pattern.ts';
import { LIGHTS } from './light.ts';
import type { Reference } from './reference.ts';
import { References } from './references.ts';

/** What was learnt as text for the store, and back. A change of its form forgets what was kept. */
const VERSION = 2;
/** A number is kept in one byte: these are one unit of it. */
const PATTERN_UNIT = 1 / 127;
const POWER_UNIT = 3 / 255;
const STRENGTH_UNIT = 0.5;
const RISE_UNIT = 0.1;
const SHARE_UNIT = 1 / 255;

type KeptPattern = Record<'along' | 'across' | 'more' | 'power', string>;
type KeptFocus = Record<keyof LearntFocus, string>;
type KeptReference = Omit<Reference, 'fine' | 'coarse' | 'strength' | 'focus'> & {
  readonly fine: KeptPattern;
  readonly coarse: KeptPattern;
  readonly strength: string;
  readonly focus: KeptFocus;
};
interface Kept {
  readonly v: number;
  readonly seenColour: boolean;
  readonly confirmed: boolean;
  readonly doubted?: readonly (typeof LIGHTS)[number][];
  readonly recent?: KeptReference;
  readonly lights: Partial<Record<(typeof LIGHTS)[number], KeptReference>>;
}

export function toText(references: References): string {
  const { recent, lights, seenColour, confirmed, doubted } = references;
  const kept: Kept = {
    v: VERSION,
    seenColour,
    confirmed,
    ...(doubted && { doubted: [...doubted] }),
    ...(recent && { recent: keep(recent) }),
    lights: Object.fromEntries([...lights].map(([light, reference]) => [light, keep(reference)])),
  };
  return JSON.stringify(kept);
}

/** @returns undefined for what cannot be read: the view is learnt anew */
export function fromText(text: string): References | undefined {
  try {
    const kept = JSON.parse(text) as Kept;
    if (kept.v !== VERSION) return undefined;
    const references = new References();
    references.seenColour = kept.seenColour;
    references.confirmed = kept.confirmed;
    if (kept.doubted) references.doubted = new Set(LIGHTS.filter((light) => kept.doubted?.includes(light)));
    if (kept.recent) references.recent = open(kept.recent);
    for (const light of LIGHTS) {
      const reference = kept.lights[light];
      if (reference) references.lights.set(light, open(reference));
    }
    return references;
  } catch {
    return undefined;
  }
}

function keep(reference: Reference): KeptReference {
  return {
    ...reference,
    fine: keepPattern(reference.fine),
    coarse: keepPattern(reference.coarse),
    strength: unsigned(reference.strength, STRENGTH_UNIT),
    focus: keepFocus(reference.focus),
  };
}

function open(kept: KeptReference): Reference {
  return {
    ...kept,
    fine: openPattern(kept.fine, FINE_GRID),
    coarse: openPattern(kept.coarse, COARSE_GRID),
    strength: numbers(kept.strength, FINE_GRID, STRENGTH_UNIT, Uint8Array),
    focus: openFocus(kept.focus),
  };
}

function keepFocus({ rise, seen, spread }: LearntFocus): KeptFocus {
  return {
    rise: unsigned(rise, RISE_UNIT),
    seen: unsigned(seen, SHARE_UNIT),
    spread: unsigned(spread, SHARE_UNIT),
  };
}

function openFocus(kept: KeptFocus): LearntFocus {
  return {
    rise: numbers(kept.rise, COARSE_GRID, RISE_UNIT, Uint8Array),
    seen: numbers(kept.seen, COARSE_GRID, SHARE_UNIT, Uint8Array),
    spread: numbers(kept.spread, COARSE_GRID, SHARE_UNIT, Uint8Array),
  };
}

function keepPattern({ along, across, more, power }: LearntPattern): KeptPattern {
  return {
    along: signed(along),
    across: signed(across),
    more: signed(more),
    power: unsigned(power, POWER_UNIT),
  };
}

type Grid = Pick<LearntPattern, 'columns' | 'rows'>;

function openPattern(kept: KeptPattern, grid: Grid): LearntPattern {
  const pattern = (text: string) => numbers(text, grid, PATTERN_UNIT, Int8Array);
  return {
    columns: grid.columns,
    rows: grid.rows,
    along: pattern(kept.along),
    across: pattern(kept.across),
    more: pattern(kept.more),
    power: numbers(kept.power, grid, POWER_UNIT, Uint8Array),
  };
}

function signed(values: Float32Array): string {
  const bytes = Int8Array.from(values, (value) =>
    Math.max(-127, Math.min(127, Math.round(value / PATTERN_UNIT))),
  );
  return Buffer.from(bytes.buffer).toString('base64');
}

function unsigned(values: Float32Array, unit: number): string {
  return Buffer.from(Uint8ClampedArray.from(values, (value) => value / unit).buffer).toString('base64');
}

function numbers(
  text: string,
  { columns, rows }: Grid,
  unit: number,
  kind: typeof Int8Array | typeof Uint8Array,
): Float32Array {
  const bytes = new kind(Buffer.from(text, 'base64'));
  if (bytes.length !== columns * rows)
    throw new RangeError(`expected ${columns * rows} cells, came ${bytes.length}`);
  return Float32Array.from(bytes, (value) => value * unit);
}

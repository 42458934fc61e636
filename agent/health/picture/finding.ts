import type { Code } from '../../base/codes.ts';
import type { StreamNumbers } from '../../contract/picture.ts';
import { FINE_GRID } from '../../contract/picture-grids.ts';
import type { Comparison } from './comparison.ts';
import { type FocusChange, focusChange } from './focus.ts';
import type { Reference, Sample } from './reference.ts';

const PICTURE_FAULTS = [
  'picture-black',
  'picture-uniform',
  'picture-overexposed',
  'picture-frozen',
  'picture-covered',
  'picture-defocused',
  'picture-turned',
  'picture-noisy',
] as const satisfies readonly Code[];
export type PictureFault = (typeof PICTURE_FAULTS)[number];

export function pictureFaultOf(cause: unknown): PictureFault | undefined {
  return PICTURE_FAULTS.find((fault) => fault === cause);
}

/** What one look says. */
export interface Finding {
  readonly fault: PictureFault;
  /** It is neither traffic nor weather: a few looks are enough, else it takes many. */
  readonly certain: boolean;
  /** It is not what the look before showed: fog and rain show something else each time. */
  readonly unsteady?: boolean;
  /** The numbers that say so, in words. */
  readonly detail: string;
}

/** What a look is judged by. */
export interface Evidence {
  readonly sample: Sample;
  /** What the last pictures were like. */
  readonly recent: Reference;
  /** Against what fits best of all that was learnt. */
  readonly comparison: Comparison;
  /** The view may be compared: the camera stands still, and there is enough to know the view by. */
  readonly comparable: boolean;
  /** What was learnt in the light of the look, once that is enough. */
  readonly sameLight: Reference | undefined;
  /** Between day and infra-red: the last pictures were of the other. */
  readonly switched: boolean;
  /** The view is the one of the look before. */
  readonly steady: boolean;
}

// Where no other source is named: chosen on the tuning photographs of `npm run bench -- picture`.

/** A black picture is nowhere lighter, but for an overlay; black is 16. */
const BLACK_HIGH = 34;
/**
 * What turns black does so at once: by so many levels, and by more where the view is not compared. Night comes slowly, also
 * where there is no lamp: within half an hour the last pictures are never so much lighter. Source: drawn pictures.
 */
const DROP = 24;
const DROP_UNSEEN = 40;
/** A plain picture has no more between its darkest and its lightest twentieth. */
const PLAIN_RANGE = 12;
/** A view is hardly ever that plain, not even a wall's; one that nearly is cannot be told from it. */
const UTTERLY_PLAIN_RANGE = 6;
/** What was seen lately must have had so many times as much. */
const USUALLY_MORE = 2;
const WHITE_SHARE = 0.6;
const WHITE_MORE = 0.35;
/** Share of the view that is lost. */
const ALL_LOST = 0.8;
const MOST_LOST = 0.65;
const MUCH_LOST = 0.45;
/** Edges of another view are this share of those that were there; what covers has fewer. */
const OTHER_EDGES = 0.35;
/** Squares with a sharp edge of something else: so many make another view, so few none. Covers have up to 8, views from 13. */
const OTHER_SHARP = 10;
const FEW_SHARP = 4;
/** What stands in front leaves some part of the view as it was; a camera that looks elsewhere leaves none. */
const LEFT_AS_IT_WAS = 0.75;
/**
 * Edges of a blurred picture are so many times as broad in the middle square, and in the one below three quarters. Without
 * a fault, of 9,200 looks at the tuning scenes in all light and weather the broadest had 1.08 in the middle square.
 */
const BLURRED = { median: 1.3, lowerQuarter: 1.15 };
const VERY_BLURRED = { median: 1.7, lowerQuarter: 1.4 };
/** A blurred picture still has the coarse outlines. */
const SAME_OUTLINES = 0.5;

/** What is wrong with a picture by itself, whatever the view. */
export function findPlain({ numbers }: Sample): Finding | undefined {
  const { high, low, white } = numbers;
  if (high <= BLACK_HIGH && high - low <= PLAIN_RANGE) return certain('picture-black', blackWords(numbers));
  if (white >= 1 - (1 - WHITE_SHARE) / 4) return certain('picture-overexposed', whiteWords(numbers));
  if (high - low <= UTTERLY_PLAIN_RANGE) return certain('picture-uniform', plainWords(numbers));
  return undefined;
}

/** The worst that a look says: nothing to see first, then what is in the way of seeing, then what is seen. */
export function find(evidence: Evidence): Finding | undefined {
  return (
    findNothing(evidence) ??
    findWhite(evidence) ??
    findFrozen(evidence) ??
    // What noise hides is neither blurred nor another view.
    findNoise(evidence) ??
    findBlur(evidence) ??
    findOtherView(evidence)
  );
}

function findNothing({ sample: { numbers }, comparison, comparable, recent }: Evidence): Finding | undefined {
  const { high, low } = numbers;
  const isGone = comparable ? comparison.lost >= MOST_LOST : Math.abs(recent.high - high) > PLAIN_RANGE;
  if (!isGone) return undefined;
  if (high <= BLACK_HIGH && recent.high - high >= (comparable ? DROP : DROP_UNSEEN))
    return certain('picture-black', blackWords(numbers));
  const plain = comparable ? PLAIN_RANGE : UTTERLY_PLAIN_RANGE;
  const isPlain = high > BLACK_HIGH && high - low <= plain && numbers.white < WHITE_SHARE;
  return isPlain && recent.range >= USUALLY_MORE * plain
    ? certain('picture-uniform', plainWords(numbers))
    : undefined;
}

function findWhite({ sample: { numbers }, recent, sameLight }: Evidence): Finding | undefined {
  const usual = sameLight?.white ?? recent.white;
  const more = numbers.white - usual;
  if (numbers.white < WHITE_SHARE || more < WHITE_MORE) return undefined;
  return certain('picture-overexposed', `${whiteWords(numbers)}, usually ${percent(usual)}`);
}

/** So many key frames that repeat one before them are no chance. Source: guess; noise makes each one another. */
const REPEATED_IN_A_ROW = 2;
/** Bytes of a picture in which nothing moves: overhead, and so much per block of 16×16 pixels. Source: x264 and x265. */
const STILL_BYTES = 64;
const STILL_BYTES_PER_BLOCK = 0.04;
/** No imager is without noise: this is no change at all. */
const NO_CHANGE = 0.02;
/** An encoder that codes the same picture anew changes no more than this. */
const RECODED_PIXELS = 2;
const RECODED_MEANS = 0.4;
/** The quietest that was seen in this light is this many times livelier: else stillness says nothing. */
const LIVELIER = 2.5;

function findFrozen({ sample: { numbers, stream }, sameLight }: Evidence): Finding | undefined {
  const { keyFrames, repeatedKeyFrames, otherFrames, otherBytes } = stream;
  const repeated = stream.sameAsBefore || (keyFrames > 0 && repeatedKeyFrames >= keyFrames);
  const still = repeated && (otherFrames === 0 || isStill(stream, otherBytes));
  // It may have begun between two looks.
  if (still || (stream.repeatedInARow >= REPEATED_IN_A_ROW && isStill(stream, stream.bytesInARow)))
    return certain('picture-frozen', 'key frames are the same, byte by byte, and nothing moves between them');
  const { change } = numbers;
  if (!change || !sameLight || otherFrames === 0 || LIVELIER * otherBytes > sameLight.leastBytes)
    return undefined;
  if (change.pixels > RECODED_PIXELS || change.means > RECODED_MEANS) return undefined;
  if (!isStill(stream, otherBytes) && LIVELIER * change.pixels > sameLight.leastChange) return undefined;
  return {
    fault: 'picture-frozen',
    certain: change.pixels <= NO_CHANGE,
    detail: `changes by ${change.pixels.toFixed(2)} levels and ${otherBytes} bytes a frame, never by less than ${sameLight.leastChange.toFixed(1)} and ${Math.round(sameLight.leastBytes)} before`,
  };
}

function isStill({ width, height }: StreamNumbers, bytes: number): boolean {
  return bytes <= STILL_BYTES + STILL_BYTES_PER_BLOCK * ((width * height) / 256);
}

/** Weather and nightfall come slowly: a lens that lost its focus is blurred also against the last pictures. */
function findBlur({
  sample: { numbers },
  sameLight,
  recent,
  comparison,
  comparable,
  switched,
}: Evidence): Finding | undefined {
  const usual = sameLight && focusChange(numbers.rises, sameLight.focus);
  const lately = switched ? usual : focusChange(numbers.rises, recent.focus);
  if (!usual || !lately || !isBlurred(usual, BLURRED) || !isBlurred(lately, BLURRED)) return undefined;
  if (comparable && comparison.coarseLikeness < SAME_OUTLINES) return undefined;
  return {
    fault: 'picture-defocused',
    certain: isBlurred(usual, VERY_BLURRED) && isBlurred(lately, VERY_BLURRED),
    detail: `edges are ${usual.median.toFixed(1)} times as broad as usual in ${usual.squares} squares`,
  };
}

function isBlurred(change: FocusChange, bound: Omit<FocusChange, 'squares'>): boolean {
  return change.median >= bound.median && change.lowerQuarter >= bound.lowerQuarter;
}

function findOtherView({ comparison, comparable, steady }: Evidence): Finding | undefined {
  const { lost, kept, bestPart, offset } = comparison;
  if (!comparable) return undefined;
  const lostWords = `${percent(lost)} of the view is lost`;
  // What stands beside its place has not been covered, however much of it fits by chance where it was.
  if (offset) return otherView(`${lostWords}; ${moved(offset)}`, lost, steady);
  if (lost < MUCH_LOST) return undefined;
  const hidden = { fault: 'picture-covered', detail: lostWords } as const;
  if (bestPart >= LEFT_AS_IT_WAS) return { ...hidden, certain: kept < OTHER_EDGES && lost >= ALL_LOST };
  if (!isElsewhere(comparison)) return { ...hidden, certain: lost >= ALL_LOST };
  return otherView(`${lostWords}; another view is there`, lost, steady);
}

/** What covers a lens is too near to be sharp, and mostly plain; another view has sharp edges, be they few. */
function isElsewhere({ kept, sharpElse }: Comparison): boolean {
  return sharpElse >= OTHER_SHARP || (sharpElse > FEW_SHARP && kept >= OTHER_EDGES);
}

function otherView(detail: string, lost: number, steady: boolean): Finding {
  return {
    fault: 'picture-turned',
    certain: steady && lost >= MOST_LOST,
    ...(!steady && { unsteady: true }),
    detail,
  };
}

function moved({ columns, rows }: { columns: number; rows: number }): string {
  const [x, y] = [columns / FINE_GRID.columns, rows / FINE_GRID.rows];
  const across = x === 0 ? '' : ` ${percent(Math.abs(x))} to the ${x > 0 ? 'right' : 'left'}`;
  const down = y === 0 ? '' : ` ${percent(Math.abs(y))} ${y > 0 ? 'down' : 'up'}`;
  return `the camera looks${across}${across && down ? ' and' : ''}${down}`;
}

const NOISY = { times: 3, more: 2 };
const VERY_NOISY = { times: 5, more: 5 };

/** Noise is half as strong at half the size, while a view full of fine things keeps them. */
const FINE_THINGS = 0.8;

/** An imager that gains for the night is noisier little by little: noise must show against the last pictures too. */
function findNoise({ sample: { numbers }, sameLight, recent, switched }: Evidence): Finding | undefined {
  if (!sameLight || !isAbove(numbers.noise, sameLight.noise, NOISY)) return undefined;
  if (!switched && !isAbove(numbers.noise, recent.noise, NOISY)) return undefined;
  if (numbers.noiseHalf > FINE_THINGS * numbers.noise) return undefined;
  return {
    fault: 'picture-noisy',
    certain: isAbove(numbers.noise, sameLight.noise, VERY_NOISY),
    detail: `noise of ${numbers.noise.toFixed(1)} levels, usually ${sameLight.noise.toFixed(1)}`,
  };
}

interface Excess {
  readonly times: number;
  readonly more: number;
}

function isAbove(now: number, usual: number, { times, more }: Excess): boolean {
  return now >= times * usual && now >= usual + more;
}

function certain(fault: PictureFault, detail: string): Finding {
  return { fault, certain: true, detail };
}

type Levels = Sample['numbers'];

function blackWords({ high }: Levels): string {
  return `95 % of the picture is darker than level ${high}`;
}

function plainWords({ low, high }: Levels): string {
  return `90 % of the picture lies between the levels ${low} and ${high}`;
}

function whiteWords({ white }: Levels): string {
  return `${percent(white)} of the picture is white`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

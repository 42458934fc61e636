import type { Code } from '../../../agent/base/codes.ts';
import { FRAME, type Turn } from './stills.ts';

export const STRENGTHS = ['full', 'middle', 'weak'] as const;
export type Strength = (typeof STRENGTHS)[number];

export const FAULTS = [
  'black',
  'uniform',
  'overexposed',
  'frozen',
  'covered',
  'defocused',
  'turned',
  'noisy',
] as const;
export type Fault = (typeof FAULTS)[number];

/** What the verdict must say. A lens that is wholly covered by something plain shows a plain picture. */
export const RIGHT_CAUSES: Readonly<Record<Fault, readonly Code[]>> = {
  black: ['picture-black'],
  uniform: ['picture-uniform'],
  overexposed: ['picture-overexposed'],
  frozen: ['picture-frozen'],
  covered: ['picture-covered'],
  defocused: ['picture-defocused'],
  turned: ['picture-turned'],
  noisy: ['picture-noisy'],
};

type ByStrength<T> = Readonly<Record<Strength, T>>;

/** How a fault shows: a filter on the picture, an additional filter after the noise of the imager, or another view. */
export interface Show {
  readonly filter?: string;
  readonly late?: string;
  readonly turn?: Turn;
  readonly cover?: number;
}

/** @param luma of the scene without the fault */
export function showOf(fault: Fault, strength: Strength, luma: Uint8Array, random: () => number): Show {
  switch (fault) {
    case 'black':
      return { filter: dimmed({ full: 0, middle: 0.05, weak: 0.2 }[strength]) };
    case 'uniform':
      return { filter: plain({ full: 1, middle: 0.97, weak: 0.8 }[strength], random) };
    case 'overexposed':
      return { filter: lightened(luma, { full: 1, middle: 0.75, weak: 0.45 }[strength]) };
    case 'frozen':
      return { late: frozen[strength] };
    case 'covered':
      return { cover: { full: 1, middle: 0.7, weak: 0.4 }[strength] };
    case 'defocused':
      return { filter: `gblur=sigma=${{ full: 0.02, middle: 0.01, weak: 0.004 }[strength] * FRAME.width}` };
    case 'turned':
      return { turn: turned[strength] };
    case 'noisy':
      return { filter: `noise=alls=${{ full: 80, middle: 45, weak: 20 }[strength]}:allf=t` };
  }
}

const turned: ByStrength<Turn> = {
  full: { right: 0.6, down: 0.2 },
  middle: { right: 0.2, down: 0.1 },
  weak: { right: 0.05, down: 0.02 },
};

/** A clock in the corner goes on; at the weakest the encoder adds noise too. */
const CLOCK = "split[p][q];[q]crop=32:14:x='mod(n*37,400)':y=100[r];[p][r]overlay=560:12";
const frozen: ByStrength<string> = { full: 'null', middle: CLOCK, weak: `${CLOCK},noise=alls=3:allf=t` };

function dimmed(share: number): string {
  return `lutyuv=y='16+(val-16)*${share}':u='128+(val-128)*${share}':v='128+(val-128)*${share}'`;
}

/** A picture of one colour, as a converter sends without a signal. */
function plain(share: number, random: () => number): string {
  const [y, u, v] = [60 + random() * 130, 100 + random() * 56, 100 + random() * 56].map(Math.round);
  const mixed = (value: number) => `${value}*${share}+val*${(1 - share).toFixed(2)}`;
  return `lutyuv=y='${mixed(y ?? 0)}':u='${mixed(u ?? 0)}':v='${mixed(v ?? 0)}'`;
}

/** Clouds and contrast take up to this many levels. */
const CLOUDS = 30;

/** So much light that this share of the scene is white, also under clouds. */
function lightened(luma: Uint8Array, share: number): string {
  const darkest = [...luma].sort((a, b) => b - a)[Math.floor((luma.length - 1) * share)] ?? 0;
  const by = Math.ceil(219 - (darkest - CLOUDS - 16) * 1.3);
  return `lutyuv=y='clip(16+(val-16)*1.3+${by},0,235)'`;
}

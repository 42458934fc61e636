import { createHash } from 'node:crypto';
import { childrenOf, textAt, type XmlElement } from './xml.ts';

/** The privacy masks of a camera, as numbers that can be compared. */
export interface MaskList {
  readonly count: number;
  /** SHA-256 over the masks that are enabled: shape and corners to four decimals, whatever their tokens and order. */
  readonly sha256: string;
}

/** Corners of one mask, of which each is tried as the first. Source: guess; cameras let 4 to 20 be drawn. */
const MAX_CORNERS = 64;

/**
 * @returns undefined when a mask has more corners than are compared
 * @see ONVIF Media2 Service Specification, GetMasks
 */
export function readMasks(content: XmlElement): MaskList | undefined {
  const enabled = childrenOf(content, 'Masks').filter((mask) => textAt(mask, 'Enabled') !== 'false');
  if (enabled.some((mask) => cornersOf(mask).length > MAX_CORNERS)) return undefined;
  const lines = enabled.map(maskLine).sort();
  return { count: lines.length, sha256: createHash('sha256').update(lines.join('\n')).digest('hex') };
}

function cornersOf(mask: XmlElement): XmlElement[] {
  const [polygon] = childrenOf(mask, 'Polygon');
  return childrenOf(polygon, 'Point');
}

/** Corners begin anywhere and go either way round: the smallest writing of all stands for the shape. */
function maskLine(mask: XmlElement): string {
  const points = cornersOf(mask).map(({ attributes: { x, y } }) => `${rounded(x)},${rounded(y)}`);
  const turned = (list: readonly string[]) =>
    list.map((_, first) => [...list.slice(first), ...list.slice(0, first)].join(' '));
  const [shape = ''] = [...turned(points), ...turned([...points].reverse())].sort();
  return `${textAt(mask, 'Type')} ${shape}`;
}

function rounded(text = ''): string {
  const value = Number(text);
  return text !== '' && Number.isFinite(value) ? (Math.round(value * 10_000) / 10_000 + 0).toFixed(4) : '?';
}

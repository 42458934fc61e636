import { createHash } from 'node:crypto';
import { childrenOf, textAt, type XmlElement } from './xml.ts';

/** The privacy masks of a camera, as numbers that can be compared. */
export interface MaskList {
  readonly count: number;
  /** SHA-256 over the masks that are enabled: shape and corners to four decimals, whatever their tokens and order. */
  readonly sha256: string;
}

/** @see ONVIF Media2 Service Specification, GetMasks */
export function readMasks(content: XmlElement): MaskList {
  const enabled = childrenOf(content, 'Masks').filter((mask) => textAt(mask, 'Enabled') !== 'false');
  const lines = enabled.map(maskLine).sort();
  return { count: lines.length, sha256: createHash('sha256').update(lines.join('\n')).digest('hex') };
}

/** Corners begin anywhere and go either way round: the smallest writing of all stands for the shape. */
function maskLine(mask: XmlElement): string {
  const [polygon] = childrenOf(mask, 'Polygon');
  const points = childrenOf(polygon, 'Point').map(
    ({ attributes: { x, y } }) => `${rounded(x)},${rounded(y)}`,
  );
  const turned = (list: readonly string[]) =>
    list.map((_, first) => [...list.slice(first), ...list.slice(0, first)].join(' '));
  const [shape = ''] = [...turned(points), ...turned([...points].reverse())].sort();
  return `${textAt(mask, 'Type')} ${shape}`;
}

function rounded(text = ''): string {
  const value = Number(text);
  return text !== '' && Number.isFinite(value) ? (Math.round(value * 10_000) / 10_000 + 0).toFixed(4) : '?';
}

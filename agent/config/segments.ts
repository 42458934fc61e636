import { z } from 'zod';
import { segmentId, segmentKind } from '../contract/messages.ts';
import { name } from './words.ts';

/** Stands for all cameras of the box. */
const RESERVED = 'seg-all';

/** A part of the local network that cameras share. */
export const segment = z.strictObject({
  id: segmentId.refine((id) => id !== RESERVED, `${RESERVED} is the segment of all cameras`),
  name: name.meta({ description: 'what technicians call it' }),
  kind: segmentKind.meta({ description: 'what the cameras share' }),
});

type Refuse = (path: (string | number)[], message: string) => void;

interface Naming {
  readonly id: string;
  readonly segment?: string | undefined;
}

/** Cameras name segments. */
export function checkSegments(
  {
    segments,
    cameras,
  }: { readonly segments: readonly { id: string }[]; readonly cameras: readonly Naming[] },
  refuse: Refuse,
): void {
  const known = new Set(segments.map(({ id }) => id));
  for (const [index, camera] of cameras.entries())
    if (camera.segment !== undefined && !known.has(camera.segment))
      refuse(['cameras', index, 'segment'], 'no segment of this configuration has this id');
}

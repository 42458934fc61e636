import type { LawCheck } from '../../../agent/contract/law.ts';
import { LAYERS } from '../../../agent/contract/layers.ts';
import type { BenchBox } from '../bench-box.ts';

/** A state of a camera, in which each check has its verdict in a field of its own. */
type Told = Readonly<Record<string, unknown>> & { readonly camera: string };

/** Where the state `law` has the verdict of a check. */
const LAW_FIELDS: Readonly<Record<LawCheck, string>> = {
  ...{ resolution: 'resolution', rate: 'rate', clock: 'clock_verdict', sound: 'sound' },
  ...{ masks: 'masks', card: 'card', authorisation: 'authorisation' },
};

/**
 * Verdicts that are anything but ok, of all layers and all checks of the legal profile of all cameras. While nothing is
 * wrong with a camera, they are the checks that were not made.
 */
export function verdictsNotOk(run: BenchBox, cameras: number): number {
  const not = [
    ...notOk(run, '/state/layers', LAYERS, cameras),
    ...notOk(run, '/state/law', Object.values(LAW_FIELDS), cameras),
  ];
  for (const [verdict, all] of Map.groupBy(not, (one) => one))
    console.error(`not ok: ${verdict} of ${all.length} cameras`);
  return not.length;
}

function notOk({ csu }: BenchBox, topicEnd: string, fields: readonly string[], cameras: number): string[] {
  const last = new Map(csu.json<Told>(topicEnd).map((told) => [told.camera, told]));
  const silent = Array.from({ length: cameras - last.size }, () => fields.map((field) => `${field} untold`));
  const told = [...last.values()].map((one) =>
    fields.flatMap((field) => (one[field] === 'ok' ? [] : [`${field} ${one[field]}`])),
  );
  return [...silent, ...told].flat();
}

import { createHash } from 'node:crypto';
import type { AlarmConfiguration, AlarmPoint, OpenedPanel, PanelPoint } from '../ports.ts';
import { ruleOf } from '../record.ts';
import type { SourcePlan } from '../source.ts';
import { PanelSource, type PanelSourceNeeds } from './panel-source.ts';

/** The panels to listen to: also those without points, since what they say is told all the same. */
export function panelPlans(
  needs: PanelSourceNeeds,
  { panels = [], points }: AlarmConfiguration,
): SourcePlan[] {
  return panels.map((panel) => {
    const own = points.filter(isPanelPoint).filter((point) => point.panel === panel.id);
    return {
      id: panel.id,
      depends: fingerprint(panel, own),
      points: own,
      make: (listener) => new PanelSource(needs, { panel, points: own }, listener),
    };
  });
}

function isPanelPoint(point: AlarmPoint): point is PanelPoint {
  return point.kind === 'panel-zone' || point.kind === 'panel-silence';
}

/** A hash, so that no key stands in it. */
function fingerprint(panel: OpenedPanel, points: readonly PanelPoint[]): string {
  const rules = points.map((point) => [point.id, ruleOf(point)]);
  return createHash('sha256')
    .update(JSON.stringify([panel, rules]))
    .digest('hex');
}

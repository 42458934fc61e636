import type { Fields } from '../contract/messages.ts';
import { countOf, type Finding, findingText, type Inventory } from './finding.ts';

const MAX_DETAIL = 2000;

/** What the retained state says of the last look. */
export function stateFields(inventory: Inventory): Fields<'inventory'> {
  const { findings, complete, atMs, durationMs, configured, present, ignored, askedFrom } = inventory;
  return {
    state: findings.length > 0 ? 'differs' : complete ? 'matches' : 'partial',
    ...{ complete, taken_ts: atMs, duration_ms: durationMs, configured, present },
    missing: countOf(inventory, 'missing'),
    moved: countOf(inventory, 'moved'),
    swapped: countOf(inventory, 'swapped'),
    unknown: countOf(inventory, 'unknown'),
    ignored,
    asked_from: askedFrom.join(' ').slice(0, MAX_DETAIL),
    detail: findings.map(findingText).join('; ').slice(0, MAX_DETAIL),
  };
}

/** What the report on one difference says. */
export function findingFields(
  { kind, camera, name, configured, address, endpoint, mac, hardware, deviceName, other }: Finding,
  change: 'found' | 'settled',
): Omit<Fields<'inventoryFinding'>, 'id'> {
  return {
    ...{ finding: kind, change },
    ...given({ camera, name, configured_address: configured, address, endpoint, mac, hardware }),
    ...given({ device_name: deviceName, other }),
  };
}

/** Those that say something. */
function given<T extends Readonly<Record<string, string>>>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== '')) as Partial<T>;
}

/** What differs: a camera that is not there, is elsewhere, or has another device in its place; a device nobody configured. */
export const FINDINGS = ['missing', 'moved', 'swapped', 'unknown'] as const;

/** One difference between what is configured and what is seen. What is not known is empty. */
export interface Finding {
  readonly kind: (typeof FINDINGS)[number];
  /** Empty for an unknown device. */
  readonly camera: string;
  /** Of the camera. */
  readonly name: string;
  /** Where the configuration says that it is. */
  readonly configured: string;
  /** Where the device was seen that this is about. */
  readonly address: string;
  readonly endpoint: string;
  readonly mac: string;
  readonly hardware: string;
  /** As the device calls itself. */
  readonly deviceName: string;
  /** Of a swapped camera: the camera whose device stands in its place. */
  readonly other: string;
}

/** One look at the network against the configuration. */
export interface Inventory {
  readonly atMs: number;
  readonly durationMs: number;
  readonly configured: number;
  readonly present: number;
  readonly findings: readonly Finding[];
  /** Own addresses from which the networks were asked. */
  readonly askedFrom: readonly string[];
  /** Answers that were not believed: from elsewhere, to no question, unreadable. */
  readonly ignored: number;
  /** Nothing was left out: the networks were asked, and no bound was met. */
  readonly complete: boolean;
}

export function countOf({ findings }: Pick<Inventory, 'findings'>, kind: Finding['kind']): number {
  return findings.filter((finding) => finding.kind === kind).length;
}

/** One line, for operators: free of secrets. */
export function findingText({ kind, camera, configured, address, hardware, mac, other }: Finding): string {
  const device = [address, hardware, mac].filter((part) => part !== '').join(' ');
  if (kind === 'unknown') return `unknown ${device}`;
  if (kind === 'missing') return `missing ${camera} (${configured})`;
  if (kind === 'moved') return `moved ${camera} ${configured} -> ${device}`;
  return `swapped ${camera} (${configured}): ${other === '' ? device : `${other}, ${device}`}`;
}

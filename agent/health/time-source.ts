import type { Evidence, HealthLimits } from './evidence.ts';

/** What is wrong with where the camera takes its time from; undefined also where nothing is ordered or said. */
export function timeSourceTrouble(
  { timeSource, clock }: Pick<Evidence, 'timeSource' | 'clock'>,
  { timeServers }: Pick<HealthLimits, 'timeServers'>,
): string | undefined {
  const said = timeSource?.value;
  if (timeServers.length === 0 || said === undefined || said === 'not-said') return undefined;
  const ordered = `expected ${timeServers.join(', ')}`;
  if (clock?.value.setByHand) return `${ordered}, and its clock is set by hand`;
  if (said.servers.length === 0) return `${ordered}, and the camera names no time server`;
  const foreign = said.servers.filter((server) => !timeServers.includes(server));
  return foreign.length > 0 ? `${ordered}, and the camera uses ${foreign.join(', ')}` : undefined;
}

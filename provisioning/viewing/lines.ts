import { plainJson, quoted } from '../../agent/base/text.ts';
import type { ConsentStatement } from '../../agent/contract/consent.ts';
import type { ChannelEvent } from '../../agent/contract/messages.ts';
import type { Texts } from '../texts.ts';
import type { ConsignationLine } from './consignation.ts';

/** A view or a lease in one line: what, which camera, who, for whom, why, until when, how much. */
export function describeChannel(event: ChannelEvent, { viewing, means }: Texts): string {
  const { action, camera, channel, operator, on_behalf_of, recipient, reason, end, cause, closed_by } = event;
  const who = `${quoted(operator).slice(1, -1)}${on_behalf_of ? ` (${quoted(on_behalf_of).slice(1, -1)})` : ''}`;
  const parts = [
    `${viewing.actions[action]} ${camera} ${channel}`,
    `${who} → ${recipient.toUpperCase()}`,
    quoted(reason).slice(1, -1),
    `${viewing.until} ${new Date(end).toISOString().slice(0, 19)}`,
    ...(closed_by === undefined ? [] : [viewing.closedBy[closed_by]]),
    ...(event.bytes === undefined || /opened$|refused$/.test(event.action)
      ? []
      : [`${event.bytes} B, ${event.frames ?? 0} ${viewing.pictures}`]),
    ...(cause === 'none' ? [] : [`${cause}: ${means(cause)}`]),
    ...(event.detail === '' ? [] : [quoted(event.detail, 500).slice(1, -1)]),
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

/** A line of the partner's register, with whether the box has signed it. */
export function describeLine({ report, verified }: ConsignationLine, texts: Texts): string {
  const { site, line } = report;
  const sign = verified ? texts.viewing.signed : texts.viewing.unsigned;
  return `${site} #${line} ${describeChannel(report, texts)} [${sign}]`;
}

/** What a partner signs, for its eyes. */
export function describeConsent(
  { bounds, cameras, releases }: ConsentStatement,
  { viewing: { consent } }: Texts,
): string[] {
  return [
    ...(bounds ? [`${consent.bounds}: ${plainJson(JSON.stringify(bounds))}`] : []),
    ...cameras.map(({ id, place }) => `${consent.camera} ${quoted(id)}: ${plainJson(JSON.stringify(place))}`),
    ...releases.map((released) => `${quoted(released)} ${consent.release}`),
  ];
}

import { systemClock } from '../../agent/base/clock.ts';
import { aborted } from '../../agent/base/ending.ts';
import { ConfigurationError, UplinkError } from '../../agent/base/errors.ts';
import { limited } from '../../agent/base/limit.ts';
import { describeIssues } from '../../agent/config/issues.ts';
import type { RecipientId } from '../../agent/contract/lease-terms.ts';
import { MESSAGES } from '../../agent/contract/messages.ts';
import { commandOrder } from '../../agent/contract/orders.ts';
import { buildTopic, commandTopic, parseTopic } from '../../agent/contract/topics.ts';
import { thumbprint } from '../../agent/trust/keys.ts';
import { signOrder } from '../../agent/trust/sign.ts';
import type { ExchangeOptions } from '../exchange.ts';
import { checkSite } from '../folder.ts';
import { withBroker } from '../link.ts';
import type { SignedCommand } from '../sign.ts';
import { orderId } from '../sign.ts';
import { type ConsignationLine, readConsignation } from './consignation.ts';
import { LineCount, type MissedLines } from './line-count.ts';
import type { MemberFolder } from './member.ts';

/** How long a lease can be taken, s. Source: guess; both sides are on the telephone. */
const VALID_S = 60;

export interface LeaseRequest {
  readonly site: string;
  readonly camera: string;
  readonly recipient: RecipientId;
  readonly operator: string;
  readonly grantedBy: string;
  readonly reason: string;
  readonly minutes: number;
  /** When the partner called, Unix ms. */
  readonly calledMs?: number;
}

/**
 * Signs a lease with the partner's own key.
 * @throws ConfigurationError `command-line-invalid`, `key-file-unreadable`, `csu-folder-unusable`
 */
export async function signLease(
  partner: MemberFolder,
  { minutes, calledMs, ...request }: LeaseRequest,
  nowMs = Date.now(),
): Promise<SignedCommand> {
  const { recipients } = await partner.grant();
  const recipient = recipients.find(({ id }) => id === request.recipient);
  if (!recipient)
    throw new ConfigurationError(
      'command-line-invalid',
      `the CSU has named no recipient ${request.recipient}`,
    );
  const start = Math.floor(nowMs / 1000);
  return await signedBy(partner, request.site, nowMs, {
    command: 'lease.open',
    ...{ camera: request.camera, recipient: request.recipient, operator: request.operator },
    ...{ grantedBy: request.grantedBy, reason: request.reason, recipientKey: thumbprint(recipient.key) },
    ...(calledMs === undefined ? {} : { calledAt: Math.floor(calledMs / 1000) }),
    ...{ start, end: start + minutes * 60 },
  });
}

export interface LeaseClosing {
  readonly site: string;
  readonly camera: string;
  readonly lease: string;
  readonly operator: string;
}

/** Signs the end of a lease with the partner's own key. @throws as `signLease` */
export async function signLeaseClose(
  partner: MemberFolder,
  { site, ...words }: LeaseClosing,
  nowMs = Date.now(),
): Promise<SignedCommand> {
  return await signedBy(partner, site, nowMs, { command: 'lease.close', ...words });
}

async function signedBy(
  partner: MemberFolder,
  site: string,
  nowMs: number,
  words: object,
): Promise<SignedCommand> {
  checkSite(site);
  const iat = Math.floor(nowMs / 1000);
  const claims = { aud: site, jti: orderId(), iat, exp: iat + VALID_S };
  const parsed = commandOrder.safeParse({ typ: 'command', ...claims, ...words });
  if (!parsed.success)
    throw new ConfigurationError('command-line-invalid', describeIssues(parsed.error).join('; '));
  return { jws: signOrder(parsed.data, [await partner.signingKey()]), id: parsed.data.jti };
}

/**
 * Publishes an order of the partner and hands over the lines of its register about that lease until one is the last.
 * @throws UplinkError `box-silent` when none comes in time
 */
export async function sendLeaseOrder(
  partner: MemberFolder,
  { jws, camera, lease }: SignedCommand & { readonly camera: string; readonly lease: string },
  { site, broker, waitMs }: ExchangeOptions,
  onLine: (line: ConsignationLine) => boolean,
  signal: AbortSignal,
): Promise<ConsignationLine> {
  const { promise, resolve } = Promise.withResolvers<ConsignationLine>();
  const { id } = await partner.request();
  const { boxes } = await partner.grant();
  const onMessage = (topic: string, payload: Buffer) => {
    const line = readConsignation(payload, boxes);
    if (line?.report.channel !== lease || parseTopic(topic)?.site !== site) return;
    const isLast = onLine(line);
    if (isLast && line.verified) resolve(line); // anybody on the way can say that a lease is closed
  };
  const subscriptions = [buildTopic({ site, entity: camera, class: 'report', name: id })];
  const late = () =>
    new UplinkError(
      'box-silent',
      `${site}: expected a line of the register within ${waitMs / 1000} s, none came`,
    );
  const who = await partner.identity();
  return await withBroker(who, { broker, subscriptions, onMessage }, signal, async (client) => {
    await client.publish(commandTopic(site), jws, { qos: 1 }, signal);
    return await limited(systemClock, waitMs, signal, late, () => promise);
  });
}

/** Hands over every line that comes until the signal aborts, in order: the partner's register. */
export async function watchConsignation(
  partner: MemberFolder,
  broker: string,
  onLine: (line: ConsignationLine, missed: MissedLines | undefined) => void,
  signal: AbortSignal,
): Promise<void> {
  const { id } = await partner.request();
  const { boxes } = await partner.grant();
  const count = await LineCount.open(partner.path);
  let taken = Promise.resolve();
  const onMessage = (_topic: string, payload: Buffer) => {
    const line = readConsignation(payload, boxes);
    if (line) taken = taken.then(async () => onLine(line, await count.take(line)));
  };
  const subscriptions = [`csu/v1/+/+/${MESSAGES.consignation.class}/${id}`];
  await withBroker(await partner.identity(), { broker, subscriptions, onMessage }, signal, async () => {
    await aborted(signal);
  });
  await taken;
}

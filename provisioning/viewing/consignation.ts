import { verify } from 'node:crypto';
import { isoText } from '../../agent/base/clock.ts';
import { type ConsignationReport, MESSAGES } from '../../agent/contract/messages.ts';
import { lineHash } from '../../agent/store/register-chain.ts';
import { publicKeyObject } from '../../agent/trust/keys.ts';
import type { MemberGrant } from './documents.ts';

/** A line of the register about a camera of the partner. */
export interface ConsignationLine {
  readonly report: ConsignationReport;
  /** The box has signed it, and what is told beside the line is what the line says. */
  readonly verified: boolean;
}

/** @returns undefined for what is no such message */
export function readConsignation(payload: Buffer, boxes: MemberGrant['boxes']): ConsignationLine | undefined {
  const parsed = MESSAGES.consignation.schema.safeParse(parseJson(payload));
  if (!parsed.success) return undefined;
  const { data: report } = parsed;
  return { report, verified: isSigned(report, boxes) && saysTheLine(report) };
}

function isSigned(report: ConsignationReport, boxes: MemberGrant['boxes']): boolean {
  const box = boxes.find(({ site }) => site === report.site);
  const hash = lineHash({
    ...{ number: report.line, wallMs: report.line_ts, clock: report.line_clock, who: report.who },
    ...{ action: report.action, subject: report.line_subject, result: report.line_result },
    ...{ detail: report.line_detail, previous: report.line_previous },
  });
  if (!box || hash !== report.line_hash) return false;
  const signature = Buffer.from(report.line_signature, 'base64url');
  return verify(null, Buffer.from(hash, 'hex'), publicKeyObject(box.sign), signature);
}

/** The signature is of the line alone: whoever passes the message on could change all that is told beside it. */
function saysTheLine(report: ConsignationReport): boolean {
  const { camera, channel, start, end, cause, detail } = report;
  const { operator, on_behalf_of, recipient, reason, partner, closed_by } = report;
  const { bytes, frames, lost_frames, refused, refused_first, refused_last } = report;
  const told = {
    ...{ operator, on_behalf_of, recipient, reason, partner, closed_by },
    ...{ bytes, frames, lost_frames, refused, refused_first, refused_last },
    ...{ start: isoText(start), end: isoText(end) },
    detail: detail === '' ? undefined : detail,
  };
  const said = parseJson(report.line_detail) as Record<string, unknown> | null | undefined;
  const isOfIt = report.line_subject === `${camera} ${channel}` && report.line_result === cause;
  return isOfIt && Object.entries(told).every(([key, value]) => said?.[key] === value);
}

function parseJson(text: Buffer | string): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}

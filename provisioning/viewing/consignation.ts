import { verify } from 'node:crypto';
import { type ConsignationReport, MESSAGES } from '../../agent/contract/messages.ts';
import { lineHash } from '../../agent/store/register-chain.ts';
import { publicKeyObject } from '../../agent/trust/keys.ts';
import type { MemberGrant } from './documents.ts';

/** A line of the register about a camera of the partner. */
export interface ConsignationLine {
  readonly report: ConsignationReport;
  /** Its hash follows from its content, and the box has signed it. */
  readonly verified: boolean;
}

/** @returns undefined for what is no such message */
export function readConsignation(payload: Buffer, boxes: MemberGrant['boxes']): ConsignationLine | undefined {
  const parsed = MESSAGES.consignation.schema.safeParse(parseJson(payload));
  return parsed.success ? { report: parsed.data, verified: isSigned(parsed.data, boxes) } : undefined;
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

function parseJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString());
  } catch {
    return undefined;
  }
}

import { z } from 'zod';
import { keyId, numericDate, orderClaims } from './claims.ts';
import { hoursWindow, LEASE_REASONS, leaseReason, MAX_LEASE_MINUTES, partnerId } from './lease-terms.ts';
import { cameraId } from './messages.ts';

const host = z.string().min(1).max(253);
const port = z.int().min(1).max(65_535);

/** Where the pictures of a camera come from: what of its entry points at a device and one of its views. */
export const cameraPlace = z.strictObject({
  host,
  onvif: z
    .strictObject({ port, path: z.string().max(256), profile: z.string().max(128).optional() })
    .optional(),
  rtsp: z.strictObject({ port, path: z.string().max(1024).optional() }).optional(),
});
export type CameraPlace = z.infer<typeof cameraPlace>;

/** What a partner has agreed to, as bounds: no configuration goes beyond them without its word. Unix seconds. */
export const partnerBounds = z.strictObject({
  keys: z.array(keyId).min(1).max(8),
  validFromS: numericDate,
  validUntilS: numericDate,
  hours: z.array(hoursWindow).min(1).max(28),
  reasons: z.array(leaseReason).min(1).max(LEASE_REASONS.length),
  maxMinutes: z.int().min(1).max(MAX_LEASE_MINUTES),
  controlLossS: z.int().min(1).max(300),
});
export type PartnerBounds = z.infer<typeof partnerBounds>;

/** The statement of a partner that a configuration carries: what it agrees to of now on. Signed by its key. */
export const consentStatement = z.strictObject({
  typ: z.literal('consent'),
  ...orderClaims,
  partner: partnerId,
  bounds: partnerBounds.optional().meta({ description: 'new bounds, in place of those agreed before' }),
  cameras: z
    .array(z.strictObject({ id: cameraId, place: cameraPlace }))
    .max(256)
    .default([])
    .meta({ description: 'cameras of the partner that stand there from now on' }),
  releases: z
    .array(z.union([cameraId, host]))
    .max(256)
    .default([])
    .meta({ description: 'cameras or addresses that are not of the partner any more' }),
});
export type ConsentStatement = z.infer<typeof consentStatement>;

/** A statement as the configuration carries it: JWS in the General JSON form, as text. */
export const consentText = z.string().min(1).max(131_072);

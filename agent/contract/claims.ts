import { z } from 'zod';
import { SITE_PATTERN } from './topics.ts';

/** Seconds since 1970 (RFC 7519 NumericDate), whole. */
export const numericDate = z.int().min(0).max(253_402_300_799);

/** Unique id of an order; a view or a lease goes by the id of the order that opened it. */
export const orderId = z.string().regex(/^[A-Za-z0-9_-]{8,64}$/);

/** Key id: RFC 7638 thumbprint. */
export const keyId = z.string().regex(/^[A-Za-z0-9_-]{8,64}$/);

/** What every signed order carries. */
export const orderClaims = {
  aud: z.string().regex(SITE_PATTERN).meta({ description: 'site of the box' }),
  jti: orderId.meta({ description: 'unique id' }),
  iat: numericDate.meta({ description: 'issued at' }),
  exp: numericDate.meta({ description: 'not after' }),
};

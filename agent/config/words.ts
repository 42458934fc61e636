import { z } from 'zod';

/** What several entries of the configuration have. */

export const port = z.int().min(1).max(65_535);
/** Labels of letters, digits, hyphens and underscores, which the names of devices hold; an IPv4 address is one too. */
const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
export const host = z
  .string()
  .max(253)
  .refine(
    (text) => HOST_NAME.test(text) || z.ipv6().safeParse(text).success,
    'expected a host name or an IP address without brackets',
  );
export const name = z.string().min(1).max(80);
/** Compact JWE (ECDH-ES, X25519, A256GCM). */
const sealed = z.string().max(4096).meta({
  description: 'compact JWE (ECDH-ES, X25519, A256GCM) to the key of the box: {"user","password"}',
});
export const credentials = z.strictObject({
  version: z.int().min(1).meta({ description: 'raise it with each change: opens the login latch again' }),
  sealed,
});

import { X509Certificate } from 'node:crypto';
import { readPem } from '../base/files.ts';

/**
 * When a certificate ends, Unix ms.
 * @throws ConfigurationError `key-file-unreadable`; what OpenSSL says of a file that holds no certificate
 */
export async function certificateEndsMs(file: string): Promise<number> {
  return new X509Certificate(await readPem(file)).validToDate.getTime();
}

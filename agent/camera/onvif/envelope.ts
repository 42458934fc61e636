import { createHash } from 'node:crypto';
import type { Credentials } from '../types.ts';
import { escapeXml } from './xml.ts';

const SECURITY = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-';

const HEADER = '<s:Header>';

/** A SOAP 1.2 envelope of the form that node-onvif-ts builds, for the calls that it lacks. */
export function buildEnvelope(
  namespaces: Readonly<Record<string, string>>,
  header: string,
  body: string,
): string {
  const declared = Object.entries(namespaces).map(([prefix, uri]) => ` xmlns:${prefix}="${uri}"`);
  return (
    '<?xml version="1.0" encoding="UTF-8"?>' +
    `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"${declared.join('')}>` +
    `${HEADER}${header}</s:Header><s:Body>${body}</s:Body></s:Envelope>`
  );
}

/** The envelope with one more header block. */
export function withHeader(envelope: string, block: string): string {
  return envelope.replace(HEADER, () => `${HEADER}${block}`);
}

/**
 * The header block of a login by WS-UsernameToken, with nonce and time of creation.
 * @param createdMs time in the camera's clock, Unix milliseconds
 * @see WS-Security UsernameToken Profile 1.0 §3.1, ONVIF Core §5.9.2
 */
export function usernameToken(credentials: Credentials, nonce: Buffer, createdMs: number): string {
  const created = new Date(createdMs).toISOString();
  const password = passwordDigest(nonce, created, credentials.password);
  return (
    `<wsse:Security s:mustUnderstand="1" xmlns:wsse="${SECURITY}wssecurity-secext-1.0.xsd" xmlns:wsu="${SECURITY}wssecurity-utility-1.0.xsd">` +
    '<wsse:UsernameToken>' +
    `<wsse:Username>${escapeXml(credentials.user)}</wsse:Username>` +
    `<wsse:Password Type="${SECURITY}username-token-profile-1.0#PasswordDigest">${password}</wsse:Password>` +
    `<wsse:Nonce EncodingType="${SECURITY}soap-message-security-1.0#Base64Binary">${nonce.toString('base64')}</wsse:Nonce>` +
    `<wsu:Created>${created}</wsu:Created>` +
    '</wsse:UsernameToken></wsse:Security>'
  );
}

/** Base64 of SHA-1 over nonce, time of creation and password. */
export function passwordDigest(nonce: Buffer, created: string, password: string): string {
  return createHash('sha1').update(nonce).update(created).update(password).digest('base64');
}

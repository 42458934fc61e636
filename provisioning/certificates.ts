import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

import { ConfigurationError, InternalError } from '../agent/base/errors.ts';

/** A certificate and its private key, both PEM. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/** ANSSI PA-035: certificates of end points live 825 days at most. */
const LEAF_DAYS = 825;
const ROOT_DAYS = 20 * 365;
const BOX_AUTHORITY_DAYS = 10 * 365;
/** Clocks of boxes may be a little behind: a certificate is good from this long before it was made. Source: guess. */
const BACKDATE_MS = 60 * 60 * 1000;
const DAY_MS = 24 * 3600 * 1000;

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' };

/** The root of one CSU: it signs the authority of the boxes, the broker and the CSU's own client, nothing else. */
export async function createRoot(commonName: string, nowMs: number): Promise<Identity> {
  return await issue({ commonName, days: ROOT_DAYS, nowMs, extensions: authorityExtensions(1) });
}

/** The authority that signs boxes alone (ANSSI PA-72 R65: a dedicated sub-authority per system). */
export async function createBoxAuthority(
  issuer: Identity,
  commonName: string,
  nowMs: number,
): Promise<Identity> {
  return await issue({
    commonName,
    days: BOX_AUTHORITY_DAYS,
    nowMs,
    issuer,
    extensions: authorityExtensions(0),
  });
}

/** A client of the broker: its common name becomes its user name there. */
export async function createClient(issuer: Identity, commonName: string, nowMs: number): Promise<Identity> {
  const extensions = leafExtensions(ExtendedKeyUsage.clientAuth);
  return await issue({ commonName, days: LEAF_DAYS, nowMs, issuer, extensions });
}

/** A key and a request for a certificate of it, for who keeps the key: nobody else ever has it. */
export async function requestClient(
  commonName: string,
): Promise<{ readonly request: string; readonly key: string }> {
  const keys = await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);
  const name = [{ CN: [commonName] }];
  const request = await Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: SIGNATURE });
  return { request: `${request.toString('pem')}\n`, key: exportKey(keys.privateKey) };
}

/**
 * The certificate that a request asks for, under the name that the CSU gives.
 * @throws ConfigurationError `command-line-invalid` when the request is none, or not signed by its own key
 */
export async function certifyClient(
  issuer: Identity,
  commonName: string,
  request: string,
  nowMs: number,
): Promise<string> {
  const publicKey = await requestedKey(request);
  const extensions = leafExtensions(ExtendedKeyUsage.clientAuth);
  return await certify({ commonName, days: LEAF_DAYS, nowMs, issuer, extensions }, publicKey);
}

async function requestedKey(text: string): Promise<webcrypto.CryptoKey> {
  try {
    const request = new Pkcs10CertificateRequest(text);
    if (await request.verify()) return await request.publicKey.export(CURVE, ['verify']);
  } catch {
    // Said below: what came may be anything.
  }
  throw new ConfigurationError(
    'command-line-invalid',
    'expected a request for a certificate (PKCS #10, P-256) signed by its own key',
  );
}

/** The broker, under every host name or address by which boxes reach it. */
export async function createBroker(
  issuer: Identity,
  hosts: readonly [string, ...string[]],
  nowMs: number,
): Promise<Identity> {
  const names = new SubjectAlternativeNameExtension(hosts.map(generalName));
  const extensions = [...leafExtensions(ExtendedKeyUsage.serverAuth), names];
  return await issue({ commonName: hosts[0], days: LEAF_DAYS, nowMs, issuer, extensions });
}

/** End of validity, Unix ms. */
export function notAfterMs(certificate: string): number {
  return new X509Certificate(certificate).notAfter.getTime();
}

interface Request {
  readonly commonName: string;
  readonly days: number;
  readonly nowMs: number;
  /** Self-signed when absent. */
  readonly issuer?: Identity;
  readonly extensions: readonly Extension[];
}

async function issue(request: Request): Promise<Identity> {
  const keys = await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);
  const certificate = await certify(request, keys.publicKey, keys.privateKey);
  return { certificate, key: exportKey(keys.privateKey) };
}

/** @param ownKey signs where there is no issuer */
async function certify(
  request: Request,
  publicKey: webcrypto.CryptoKey,
  ownKey?: webcrypto.CryptoKey,
): Promise<string> {
  const issuer = request.issuer && new X509Certificate(request.issuer.certificate);
  const signingKey = request.issuer ? await importKey(request.issuer.key) : ownKey;
  if (!signingKey) throw new InternalError('internal', 'a certificate without issuer signs itself');
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: [request.commonName] }],
    issuer: issuer?.subjectName ?? [{ CN: [request.commonName] }],
    publicKey,
    signingKey,
    signingAlgorithm: SIGNATURE,
    notBefore: new Date(request.nowMs - BACKDATE_MS),
    notAfter: new Date(request.nowMs - BACKDATE_MS + request.days * DAY_MS),
    extensions: [
      ...request.extensions,
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer?.publicKey ?? publicKey),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

function authorityExtensions(pathLength: number): Extension[] {
  const usages = KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign;
  return [new BasicConstraintsExtension(true, pathLength, true), new KeyUsagesExtension(usages, true)];
}

function leafExtensions(usage: ExtendedKeyUsage): Extension[] {
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([usage]),
  ];
}

function generalName(host: string): JsonGeneralName {
  return { type: isIP(host) ? 'ip' : 'dns', value: host };
}

function exportKey(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
  return await webcrypto.subtle.importKey('pkcs8', der, CURVE, false, ['sign']);
}

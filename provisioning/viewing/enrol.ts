import { ConfigurationError } from '../../agent/base/errors.ts';
import type { KeyringDocument } from '../../agent/contract/orders.ts';
import { keyringDocument } from '../../agent/contract/orders.ts';
import { readJws } from '../../agent/trust/jws.ts';
import type { X25519Public } from '../../agent/trust/keys.ts';
import { thumbprint } from '../../agent/trust/keys.ts';
import { signOrder } from '../../agent/trust/sign.ts';
import { parseStrictJson } from '../../agent/trust/strict-json.ts';
import { CSU_USER, partnerAcl } from '../broker.ts';
import { certifyClient } from '../certificates.ts';
import { replaceFile } from '../files.ts';
import { type CsuFolder, PATHS } from '../folder.ts';
import type { MemberGrant, MemberRequest } from './documents.ts';

/**
 * Lets a partner or recipient in: a certificate for the broker, and for a partner its key in the keyring and its right to
 * give orders at the broker. What a box believes changes when it has the new keyring.
 * @param sites boxes with cameras of the partner
 * @throws ConfigurationError `csu-folder-unusable` when it is in already, `command-line-invalid` for a bad request
 */
export async function addMember(
  csu: CsuFolder,
  kind: MemberRequest['kind'],
  request: MemberRequest,
  sites: readonly string[],
  nowMs = Date.now(),
): Promise<{ readonly grant: MemberGrant; readonly fingerprint: string }> {
  if (request.kind !== kind)
    throw new ConfigurationError(
      'command-line-invalid',
      `expected the request of a ${kind}, came that of a ${request.kind}`,
    );
  await csu.refuseMember(request.id);
  const authority = await csu.boxAuthority();
  const certificate = await certifyClient(authority, request.id, request.request, nowMs);
  const boxes = await Promise.all(sites.map((site) => csu.box(site)));
  if (request.kind === 'partner') {
    await addToKeyring(csu, request, nowMs);
    await addToAcl(csu, request.id, sites);
  }
  await csu.saveMember(request);
  const grant = {
    id: request.id,
    certificate: certificate + authority.certificate,
    authorities: await csu.text(PATHS.rootCertificate),
    recipients: await recipientsOf(csu),
    boxes: boxes.map(({ site, sign }) => ({ site, sign })),
  };
  return { grant, fingerprint: thumbprint(request.key) };
}

/** The CSU, and every recipient that was let in. */
export async function recipientsOf(csu: CsuFolder): Promise<MemberGrant['recipients']> {
  const own: X25519Public = (await csu.recipientKey()).publicJwk;
  const others = (await csu.members()).flatMap((member) =>
    member.kind === 'recipient' ? [{ id: member.id, key: member.key }] : [],
  );
  return [{ id: CSU_USER, key: own }, ...others];
}

async function addToKeyring(
  csu: CsuFolder,
  { id, name, key }: Extract<MemberRequest, { kind: 'partner' }>,
  nowMs: number,
): Promise<void> {
  const before = readDocument(await csu.text(PATHS.keyring));
  const entry = { kid: thumbprint(key), role: 'partner' as const, label: `${id}: ${name}`.slice(0, 80), key };
  if (before.keys.some(({ kid }) => kid === entry.kid))
    throw new ConfigurationError('csu-folder-unusable', `the key of ${id} is in the keyring already`);
  const after: KeyringDocument = {
    ...before,
    version: before.version + 1,
    iat: Math.floor(nowMs / 1000),
    keys: [...before.keys, entry],
  };
  await replaceFile(csu.file(PATHS.keyring), signOrder(after, [await csu.key('authority')]));
}

function readDocument(jws: string): KeyringDocument {
  return keyringDocument.parse(parseStrictJson(readJws(jws).payload));
}

async function addToAcl(csu: CsuFolder, id: string, sites: readonly string[]): Promise<void> {
  const file = `${PATHS.broker}/acl`;
  await replaceFile(csu.file(file), `${await csu.text(file)}${partnerAcl(id, sites)}`);
}

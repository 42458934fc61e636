import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readBoxFile } from '../../agent/config/box-file.ts';
import { type BoxKeys, readBoxKeys } from '../../agent/config/box-keys.ts';
import type { CsuFolder } from '../../provisioning/folder.ts';
import { addMember } from '../../provisioning/viewing/enrol.ts';
import { MemberFolder } from '../../provisioning/viewing/member.ts';
import type { TestBox } from './box.ts';

/** A partner with keys of its own, let in by the CSU. */
export async function letPartnerIn(
  csu: CsuFolder,
  folder: string,
  sites: readonly string[],
  id = 'emh',
  nowMs = Date.now(),
): Promise<MemberFolder> {
  const partner = await MemberFolder.create(folder, { kind: 'partner', id, name: `Partner ${id}` });
  const { grant } = await addMember(csu, 'partner', await partner.request(), sites, nowMs);
  await partner.accept(JSON.stringify(grant));
  return partner;
}

/** The police as a recipient, with a key of its own. To be let in before the partners that seal to it. */
export async function letRecipientIn(
  csu: CsuFolder,
  folder: string,
  sites: readonly string[] = [],
): Promise<MemberFolder> {
  const dipn = await MemberFolder.create(folder, { kind: 'recipient', id: 'dipn', name: 'DIPN' });
  const { grant } = await addMember(csu, 'recipient', await dipn.request(), sites);
  await dipn.accept(JSON.stringify(grant));
  return dipn;
}

/** What a partner or a recipient connects to the broker with. */
export async function certificateOf(member: MemberFolder): Promise<object> {
  const { authorities, certificate, key } = await member.identity();
  const [ca, cert, own] = await Promise.all([authorities, certificate, key].map((file) => readFile(file)));
  return { ca, cert, key: own, protocolVersion: 5 };
}

/** Brings the keyring of the CSU to a box, as a technician does. */
export async function carryKeyring(csu: CsuFolder, box: TestBox): Promise<void> {
  await copyFile(csu.file('keyring.jws'), join(box.folder, 'keyring.jws'));
}

/** The same, for a box whose state folder lies in its enrolment folder. @returns its keys with the new keyring */
export async function carryKeyringTo(csu: CsuFolder, folder: string): Promise<BoxKeys> {
  await copyFile(csu.file('keyring.jws'), join(folder, 'keyring.jws'));
  return await readBoxKeys(await readBoxFile(join(folder, 'box.json')));
}

const DAY_MS = 86_400_000;
/** A convention that moved with each call would be another one. */
const LOADED_MS = Date.now();

/** A partner's entry of the configuration; keys are filled in when it is signed. */
export function partnerEntry(more: object = {}): object {
  const at = (days: number) => new Date(LOADED_MS + days * DAY_MS).toISOString();
  return {
    id: 'emh',
    name: 'Eurométropole Metz Habitat',
    convention: { reference: '467/2024', validFrom: at(-30), validUntil: at(300) },
    hours: [{ from: '00:00', to: '24:00' }],
    controlLossS: 20,
    recipients: [{ id: 'csu', operators: [{ id: 'c.weber', approvedUntil: at(100) }] }],
    ...more,
  };
}

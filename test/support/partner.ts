import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
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
): Promise<MemberFolder> {
  const partner = await MemberFolder.create(folder, { kind: 'partner', id, name: `Partner ${id}` });
  const { grant } = await addMember(csu, 'partner', await partner.request(), sites);
  await partner.accept(JSON.stringify(grant));
  return partner;
}

/** Brings the keyring of the CSU to a box, as a technician does. */
export async function carryKeyring(csu: CsuFolder, box: TestBox): Promise<void> {
  await copyFile(csu.file('keyring.jws'), join(box.folder, 'keyring.jws'));
}

const DAY_MS = 86_400_000;

/** A partner's entry of the configuration; keys are filled in when it is signed. */
export function partnerEntry(more: object = {}): object {
  const at = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();
  return {
    id: 'emh',
    name: 'Eurométropole Metz Habitat',
    convention: { reference: '467/2024', validFrom: at(-30), validUntil: at(300) },
    hours: [{ from: '00:00', to: '24:00' }],
    controlLossS: 3,
    recipients: [{ id: 'csu', operators: [{ id: 'c.weber', approvedUntil: at(100) }] }],
    ...more,
  };
}

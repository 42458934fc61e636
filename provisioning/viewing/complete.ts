import { thumbprint } from '../../agent/trust/keys.ts';
import type { CsuFolder } from '../folder.ts';
import { recipientsOf } from './enrol.ts';

type Entry = Record<string, unknown>;

/**
 * Fills in what the CSU knows of partners and recipients: the keys of a partner that was let in, and the public keys of
 * the recipients. What the file says itself stays; what is missing still is refused by the schema.
 */
export async function completePartners(csu: CsuFolder, configuration: unknown): Promise<unknown> {
  const partners = (configuration as { partners?: unknown } | null)?.partners;
  if (!Array.isArray(partners)) return configuration;
  const completed = await Promise.all(partners.map((partner) => completePartner(csu, partner)));
  return { ...(configuration as Entry), partners: completed };
}

async function completePartner(csu: CsuFolder, partner: unknown): Promise<unknown> {
  if (!isEntry(partner)) return partner;
  const keys = partner.keys ?? (await keysOf(csu, partner.id));
  const recipients = Array.isArray(partner.recipients)
    ? await Promise.all(partner.recipients.map((recipient) => completeRecipient(csu, recipient)))
    : partner.recipients;
  return { ...partner, ...(keys === undefined ? {} : { keys }), recipients };
}

async function keysOf(csu: CsuFolder, id: unknown): Promise<string[] | undefined> {
  const member = (await csu.members()).find((one) => one.id === id);
  return member && [thumbprint(member.key)];
}

async function completeRecipient(csu: CsuFolder, recipient: unknown): Promise<unknown> {
  if (!isEntry(recipient) || recipient.key !== undefined) return recipient;
  const known = (await recipientsOf(csu)).find(({ id }) => id === recipient.id);
  return known ? { ...recipient, key: known.key } : recipient;
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { randomUUID } from 'node:crypto';
import { systemClock } from '../base/clock.ts';
import { createLog } from '../base/log.ts';
import { plainJson } from '../base/text.ts';
import type { SeenDevice } from '../camera/discovery/device.ts';
import { type Discovery, discover } from '../camera/discovery/discover.ts';
import type { Language } from './language.ts';
import { listenMsAsked, networksAsked } from './networks-asked.ts';
import { printable, table } from './text-table.ts';

export interface DiscoverOptions {
  readonly language: Language;
  readonly json: boolean;
  /** IPv4 networks; those of the own interfaces when empty. */
  readonly networks: readonly string[];
  /** How long answers are waited for, seconds. */
  readonly seconds: string | undefined;
}

const WORDS = {
  fr: {
    heads: ['Adresse', 'Matériel', 'Nom', 'MAC', 'Profils', 'Service ONVIF'],
    none: "Aucun équipement ONVIF n'a répondu.",
    noInterface:
      "Aucune interface de cette machine n'est dans ces réseaux : la découverte ne traverse pas les routeurs.",
    found: (n: number, from: string) => `${n} équipement${n > 1 ? 's' : ''}, demande émise depuis ${from}`,
    elsewhere: (hosts: string) => `annonce aussi ${hosts}, qui n'est pas contacté`,
    notHere: "n'annonce aucun service à cette adresse",
    foreign: (n: number) => `${n} réponse(s) venues d'ailleurs que de ces réseaux, ignorées`,
    unrelated: (n: number) => `${n} datagramme(s) qui ne répondent à aucune question, ignorés`,
    unreadable: (n: number) => `${n} réponse(s) illisibles`,
    excess: (n: number) => `${n} réponse(s) au-delà des bornes : la liste n'est pas complète`,
  },
  en: {
    heads: ['Address', 'Hardware', 'Name', 'MAC', 'Profiles', 'ONVIF service'],
    none: 'No ONVIF device answered.',
    noInterface: 'No interface of this machine is in these networks: discovery does not pass routers.',
    found: (n: number, from: string) => `${n} device${n === 1 ? '' : 's'}, asked from ${from}`,
    elsewhere: (hosts: string) => `also announces ${hosts}, which is not contacted`,
    notHere: 'announces no service at this address',
    foreign: (n: number) => `${n} answer(s) from outside these networks, ignored`,
    unrelated: (n: number) => `${n} datagram(s) that answer no question, ignored`,
    unreadable: (n: number) => `${n} unreadable answer(s)`,
    excess: (n: number) => `${n} answer(s) above the bounds: the list is not complete`,
  },
} as const;

/**
 * `beffroi discover`: which ONVIF devices are on the network. Reads only, needs no login.
 * @returns the exit code: 0 when a device answered, 1 otherwise
 * @throws ConfigurationError `command-line-invalid`
 */
export async function showDevices({ language, json, networks, seconds }: DiscoverOptions): Promise<number> {
  const listenMs = listenMsAsked(seconds);
  const options = { networks: networksAsked(networks), known: [], ...(listenMs && { listenMs }) };
  const log = createLog('error', { write: () => undefined });
  const needs = { clock: systemClock, log, newId: randomUUID };
  const found = await discover(needs, options, new AbortController().signal);
  const devices = found.devices.toSorted((a, b) => byAddress(a.address, b.address));
  console.log(
    json ? plainJson(JSON.stringify({ ...found, devices })) : deviceText({ ...found, devices }, language),
  );
  return devices.length > 0 ? 0 : 1;
}

function deviceText({ devices, askedFrom, ignored }: Discovery, language: Language): string {
  const w = WORDS[language];
  if (askedFrom.length === 0) return w.noInterface;
  const rows = devices.map(rowOf);
  const lines = rows.length > 0 ? table([[...w.heads], ...rows], []) : [w.none];
  const odd = devices.flatMap((device) => oddities(device, language));
  const left = (['foreign', 'unrelated', 'unreadable', 'excess'] as const).flatMap((key) =>
    ignored[key] > 0 ? [w[key](ignored[key])] : [],
  );
  return [...lines, ...odd, '', w.found(devices.length, askedFrom.join(', ')), ...left].join('\n');
}

function rowOf({ address, hardware, name, mac, profiles, service }: SeenDevice): string[] {
  const url = service && `${service.tls ? 'https' : 'http'}://${address}:${service.port}${service.path}`;
  return [address, hardware, name, mac, profiles.join(' '), url ?? ''].map((cell) =>
    cell === '' ? '–' : printable(cell).slice(0, 60),
  );
}

function oddities({ address, service, elsewhere }: SeenDevice, language: Language): string[] {
  const w = WORDS[language];
  const said = [
    ...(service ? [] : [w.notHere]),
    ...(elsewhere.length > 0 ? [w.elsewhere(elsewhere.join(', '))] : []),
  ];
  return said.map((text) => `  ${address} ${text}`);
}

/** Addresses in the order of their numbers. */
function byAddress(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { Clock } from '../../../agent/base/clock.ts';
import { isNetwork } from '../../../agent/base/ipv4.ts';
import { createLog } from '../../../agent/base/log.ts';
import { seenDevice } from '../../../agent/camera/discovery/device.ts';
import { discover } from '../../../agent/camera/discovery/discover.ts';
import { Listening } from '../../../agent/camera/discovery/listening.ts';
import { Networks, ownAddresses } from '../../../agent/camera/discovery/networks.ts';
import { readProbeMatches } from '../../../agent/camera/discovery/probe-matches.ts';
import { readScopes } from '../../../agent/camera/discovery/scopes.ts';
import { capturedMatch, type DiscoveryDevice, discoveryDevices } from '../../support/discovery-devices.ts';
import * as fc from '../../support/properties.ts';
import { until } from '../../support/until.ts';
import { answerOf, MAKES, UUID } from './makes.ts';

const log = createLog('error', { write: () => undefined });
const never = new AbortController().signal;
/** Questions of one look: two types, three times. */
const QUESTIONS = 6;

/** Time that passes when it is slept, and whose last sleep lasts until the devices have answered everything. */
function patientClock(answered: () => boolean): Clock {
  let nowMs = 0;
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
      if (nowMs < 4_000) return;
      await until(answered);
      for (let turns = 0; turns < 200; turns += 1) await turn();
    },
  };
}

/** @param network of loopback, this test's own, so that others do not hear of it */
async function look(
  t: Test,
  network: string,
  devices: readonly DiscoveryDevice[],
  known: readonly string[] = [],
) {
  const { heard } = await discoveryDevices(t, devices);
  const direct = devices.filter(({ address }) => known.includes(address)).length;
  const ids = new Set<string>();
  const newId = () => {
    const id = randomUUID();
    ids.add(`urn:uuid:${id}`);
    return id;
  };
  // Other tests ask the same group at the same time.
  const ours = () => heard.filter(({ id }) => ids.has(id));
  const clock = patientClock(() => ours().length >= QUESTIONS * (1 + direct));
  const networks = new Networks([network], ownAddresses());
  const found = await discover({ clock, log, newId }, { networks, known }, never);
  return { ...found, heard: ours() };
}

t.test('ONVIF Core §7.3: a camera answers the question, and is read as it was captured', async (t) => {
  const uuid = 'c9790c3a-701b-464d-a189-0060351c8ada';
  const answer = capturedMatch({ uuid, addresses: 'http://127.81.0.7:8080/onvif/device_service' });
  const second = capturedMatch({
    uuid: '11111111-701b-464d-a189-0060351c8ada',
    addresses:
      'http://[fe80::1]/onvif/device_service https://127.81.0.8/onvif/device_service http://169.254.7.7/x',
    scopes:
      'onvif://www.onvif.org/Profile/T onvif://www.onvif.org/MAC/68-6D-BC-5C-B1-5D onvif://www.onvif.org/serial/SN%2001 onvif://www.onvif.org/name/Caf%E9',
  });
  const { devices, askedFrom, ignored, heard } = await look(t, '127.81.0.0/16', [
    { address: '127.81.0.7', answer },
    { address: '127.81.0.8', answer: second, relates: 'bare' },
  ]);
  t.same(askedFrom, ['127.0.0.1']);
  // Devices of other tests answer from elsewhere.
  t.same({ ...ignored, foreign: 0 }, { foreign: 0, unrelated: 0, unreadable: 0, excess: 0 });
  t.same(devices.length, 2, 'each question was asked three times, each device is there once');
  t.match(
    devices.find(({ address }) => address === '127.81.0.7'),
    {
      endpoint: uuid,
      types: ['NetworkVideoTransmitter', 'Device'],
      hardware: 'HD_PREDATOR',
      name: 'PREDATOR',
      profiles: ['S'],
      service: { port: 8080, path: '/onvif/device_service', tls: false },
      elsewhere: [],
    },
  );
  t.match(
    devices.find(({ address }) => address === '127.81.0.8'),
    {
      ...{ mac: '68:6d:bc:5c:b1:5d', serial: 'SN 01', profiles: ['S', 'T'] },
      service: { port: 443, tls: true },
      elsewhere: ['169.254.7.7'],
    },
  );
  const ours = heard.filter(({ problems }) => problems.length === 0);
  t.same(new Set(ours.map(({ types }) => types)), new Set(['NetworkVideoTransmitter', 'Device']));
  t.ok(ours.length >= QUESTIONS, 'a parser that is not ours finds nothing wrong with the questions');
});

t.test('a known address is asked directly, and believed outside the networks', async (t) => {
  const uuid = '22222222-701b-464d-a189-0060351c8ada';
  const answer = capturedMatch({ uuid, addresses: 'http://127.82.0.7/onvif/device_service' });
  const devices = [
    { address: '127.82.0.7', answer, direct: true },
    { address: '127.82.0.8', answer, direct: true },
  ];
  const { heard } = await discoveryDevices(t, devices);
  const clock = patientClock(() => heard.filter(({ to }) => to === '127.82.0.7').length >= QUESTIONS);
  const networks = new Networks(['192.0.2.240/28'], ownAddresses());
  const found = await discover({ clock, log, newId: randomUUID }, { networks, known: ['127.82.0.7'] }, never);
  t.same(
    found.devices.map(({ address }) => address),
    ['127.82.0.7'],
  );
  t.notOk(
    heard.some(({ to }) => to === '127.82.0.8'),
    'nobody else is asked',
  );
});

t.test('what lies, floods, is broken or comes from elsewhere is counted and not believed', async (t) => {
  const match = (uuid: string, addresses: string) =>
    capturedMatch({ uuid: `${uuid}-701b-464d-a189-0060351c8ada`, addresses });
  const good = match('33333333', 'http://127.83.0.1/onvif/device_service');
  const latin = match('44444444', 'http://127.83.0.2/onvif/device_service').replace(
    '/name/PREDATOR',
    '/name/M\u00e9tro',
  );
  const giant = good.replace('</wsdd:Scopes>', ` ${'onvif://x/'.repeat(2_000)}</wsdd:Scopes>`);
  const entities = good.replace('?>', '?><!DOCTYPE a [<!ENTITY b "c">]>');
  const small = (n: number) =>
    `<wsdd:ProbeMatch><wsa:EndpointReference><wsa:Address>uuid:${n}</wsa:Address></wsa:EndpointReference></wsdd:ProbeMatch>`;
  const many = good.replace(
    /<wsdd:ProbeMatch>[\s\S]*<\/wsdd:ProbeMatch>/,
    Array.from({ length: 60 }, (_, n) => small(n)).join(''),
  );
  // Each answers in this order, and what follows the flood may be lost.
  const { devices, ignored } = await look(t, '127.83.0.0/17', [
    { address: '127.83.200.1', answer: good },
    { address: '127.83.0.1', answer: good },
    { address: '127.83.0.2', answer: latin },
    {
      address: '127.83.0.3',
      answer: match('55555555', 'http://10.1.2.3/onvif http://192.0.2.1:22/ rtsp://127.83.0.3/'),
    },
    { address: '127.83.0.4', answer: good, relates: 'other' },
    { address: '127.83.0.5', answer: giant },
    { address: '127.83.0.6', answer: entities },
    { address: '127.83.0.7', answer: 'RELATES_TO' },
    { address: '127.83.0.8', answer: many },
    { address: '127.83.0.9', answer: match('66666666', 'http://127.83.0.9/'), times: 50 },
  ]);
  const at = (address: string) => devices.filter((device) => device.address === address);
  t.equal(at('127.83.0.1').length, 1);
  t.match(at('127.83.0.2')[0], { name: 'M\u00e9tro' }, 'Latin-1 that calls itself UTF-8');
  t.match(at('127.83.0.3')[0], { service: undefined, elsewhere: ['10.1.2.3', '192.0.2.1'] });
  for (const last of [4, 5, 6, 7]) t.same(at(`127.83.0.${last}`), [], `127.83.0.${last}`);
  t.equal(at('127.83.0.8').length, 16, 'of one address');
  t.equal(at('127.83.0.9').length, 1);
  t.same(at('127.83.200.1'), [], 'outside the networks');
  t.ok(ignored.foreign > 0 && ignored.unrelated > 0 && ignored.unreadable > 0, 'each is counted');
  t.ok(ignored.excess > 0, 'of the flood no more than the bound is read');
});

/** An answer in other words than the captured one: the same question, the same device. */
const OTHER_WORDS = {
  'another prefix, header last, blanks and line breaks between scopes': `<?xml version="1.0" encoding="utf-8"?>
<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing">
<env:Body><d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>
  urn:uuid:ABCDEF00-0000-1000-8000-00408C112233 </a:Address></a:EndpointReference>
<d:Types>dn:NetworkVideoTransmitter
  tds:Device</d:Types><d:Scopes>
    onvif://www.onvif.org/name/A%20B
    onvif://www.onvif.org/hardware/M1</d:Scopes>
<d:XAddrs>http://10.0.0.7/onvif/device_service
  http://[fe80::1]/onvif/device_service</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></env:Body>
<env:Header><a:RelatesTo>URN:UUID:QUESTION</a:RelatesTo></env:Header></env:Envelope>`,
  'no prefix at all, SOAP 1.1, comments and CDATA': `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Header><RelatesTo>uuid:question</RelatesTo></Header><!-- x --><Body><ProbeMatches><ProbeMatch>
<EndpointReference><Address>abcdef00-0000-1000-8000-00408c112233</Address></EndpointReference><Types>NetworkVideoTransmitter Device</Types>
<Scopes><![CDATA[onvif://www.onvif.org/name/A%20B onvif://www.onvif.org/hardware/M1]]></Scopes>
<XAddrs>http://10.0.0.7/onvif/device_service http://[fe80::1]/onvif/device_service</XAddrs></ProbeMatch></ProbeMatches></Body></Envelope>`,
  'the later version of WS-Discovery, upper-case scopes': `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01" xmlns:x="http://www.w3.org/2005/08/addressing"><s:Header><x:RelatesTo RelationshipType="x:Reply">question</x:RelatesTo><w:AppSequence InstanceId="1" MessageNumber="2"/></s:Header><s:Body><w:ProbeMatches><w:ProbeMatch>
<x:EndpointReference><x:Address>uuid:abcdef00-0000-1000-8000-00408c112233</x:Address><x:ReferenceParameters/></x:EndpointReference><w:Types>p:NetworkVideoTransmitter p:Device</w:Types>
<w:Scopes MatchBy="x">ONVIF://WWW.ONVIF.ORG/NAME/A%20B onvif://www.onvif.org/Hardware/M1 ldap:///ou=x</w:Scopes><w:XAddrs>http://10.0.0.7/onvif/device_service http://[fe80::1]/onvif/device_service</w:XAddrs></w:ProbeMatch></w:ProbeMatches></s:Body></s:Envelope>`,
};

t.test('discovery: the same answer in the words of other makes is the same device', async (t) => {
  for (const [words, text] of Object.entries(OTHER_WORDS)) {
    const { relatesTo, matches } = await readProbeMatches(Buffer.from(text), 'x');
    t.equal(relatesTo, 'question', words);
    t.match(matches, [
      {
        ...{ endpoint: 'abcdef00-0000-1000-8000-00408c112233', name: 'A B', hardware: 'M1' },
        types: ['NetworkVideoTransmitter', 'Device'],
        addresses: ['http://10.0.0.7/onvif/device_service', 'http://[fe80::1]/onvif/device_service'],
      },
    ]);
  }
});

/** What each make is known by. */
const SAID: Readonly<Record<string, object>> = {
  'AXIS P3265-V': {
    name: 'AXIS P3265-V',
    hardware: 'P3265-V',
    location: '',
    profiles: ['G', 'M', 'S', 'T'],
    mac: '',
  },
  'Hikvision DS-2CD2145FWD-I': {
    ...{ name: 'HIKVISION DS-2CD2145FWD-I', hardware: 'DS-2CD2145FWD-I', mac: '00:00:5e:00:53:01' },
    ...{ location: 'city/hangzhou', profiles: ['G', 'S', 'T'] },
  },
  'Dahua IPC-HFW2228M': { name: 'Dahua', hardware: 'IPC-HFW2228M-I1-V2', profiles: ['S', 'T'] },
  'Bosch FLEXIDOME 5100i': { name: 'BOSCH-000000000000000001', hardware: 'F000B543', location: '' },
  'TP-Link TL-SC3130G': { name: 'TP-LINK', hardware: 'TL-SC3130G', location: 'global', profiles: [] },
  'HeroSpeed, on a port of its own': { name: 'IPCamera', service: { port: 8999, tls: false } },
  'serial number and hardware address by the standard of 2023': {
    ...{ serial: 'SN-0001', mac: '00:00:5e:00:53:01', types: ['Device'] },
  },
};

t.test('discovery: each make is read for what it says, however it writes it', async (t) => {
  for (const [name, make] of Object.entries(MAKES)) {
    const question = randomUUID();
    const { relatesTo, matches } = await readProbeMatches(Buffer.from(answerOf(make, question)), 'x');
    t.equal(relatesTo, question, name);
    t.equal(matches.length, 1, name);
    const [device] = matches.map((match) => seenDevice(match, '10.20.0.31', undefined));
    t.match(
      device,
      { endpoint: UUID.toLowerCase(), elsewhere: [], service: { port: 80, tls: false }, ...SAID[name] },
      name,
    );
  }
});

t.test(
  'discovery: ten thousand answers are bounded in number, and what is kept is the first of them',
  async (t) => {
    const id = randomUUID();
    const clock = patientClock(() => true);
    const listening = new Listening({ clock, log, isAllowed: () => true, questions: [id] });
    const answer = OTHER_WORDS['no prefix at all, SOAP 1.1, comments and CDATA'].replace('question', id);
    for (let n = 0; n < 10_000; n += 1) listening.take(Buffer.from(answer), `10.0.${n >> 8}.${n & 255}`);
    const found = await listening.found();
    t.equal(found.length, 512);
    t.equal(found[0]?.address, '10.0.0.0');
    t.equal(listening.ignored.excess, 10_000 - 512, 'and each of the others is counted');
  },
);

t.test('networks: only IPv4 networks not wider than a /8 are taken', (t) => {
  for (const good of ['10.0.0.0/8', '192.168.1.0/24', '10.1.2.3/32']) t.ok(isNetwork(good), good);
  for (const bad of ['0.0.0.0/0', '10.0.0.0/7', '10.0.0.0', '10.0.0/24', 'fe80::/64', '10.0.0.0/33', ''])
    t.notOk(isNetwork(bad), bad);
  const networks = new Networks(
    ['10.20.0.0/16'],
    [
      { address: '10.20.0.5', cidr: '10.20.0.5/24', internal: false },
      { address: '10.9.9.9', cidr: '10.9.9.9/8', internal: false },
      { address: '192.168.0.2', cidr: '192.168.0.2/24', internal: false },
    ],
  );
  t.same(
    networks.own.map(({ address }) => address),
    ['10.20.0.5', '10.9.9.9'],
  );
  t.ok(networks.has('10.20.255.1'));
  for (const out of ['10.21.0.1', '127.0.0.1', '::1', 'camera']) t.notOk(networks.has(out), out);
  t.end();
});

t.test('discovery: no bytes break the reader, no scope breaks the words', async (t) => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc
      .string({ maxLength: 300 })
      .map((text) => Buffer.from(capturedMatch({ uuid: text, addresses: text, scopes: text }))),
  );
  const bytes = await fc.check(
    fc.asyncProperty(anything, async (given) => {
      const matches = await readProbeMatches(given, 'x').catch((error: { code?: string }) => error.code);
      if (typeof matches === 'string') return matches === 'camera-protocol';
      return (
        matches === undefined || matches.matches.every(({ endpoint }) => /^[\u0021-\u007e]+$/.test(endpoint))
      );
    }),
    { numRuns: 100 },
  );
  t.notOk(bytes.failed, String(bytes.counterexample));
  const scopes = fc.check(
    fc.property(fc.array(fc.string()), (given) => {
      const { name } = readScopes(given.map((scope) => `onvif://www.onvif.org/name/${scope}`));
      return name.length <= 64 && !/\p{Cc}/u.test(name);
    }),
  );
  t.notOk(scopes.failed, String(scopes.counterexample));
});

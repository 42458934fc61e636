import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import t from 'tap';
import type { Lookup } from '../../agent/config/consent/names.ts';
import { plainHost } from '../../agent/config/consent/place.ts';
import { ConfigurationKeeper } from '../../agent/config/keeper.ts';
import type { OpenedConfiguration } from '../../agent/config/opened.ts';
import { signConfiguration } from '../../provisioning/sign.ts';
import { signConsent } from '../../provisioning/viewing/consent.ts';
import type { MemberFolder } from '../../provisioning/viewing/member.ts';
import { carryKeyringTo, letPartnerIn } from '../support/partner.ts';
import { type Box, consentOf, enrolledBox, SITE } from './fixture.ts';

const at = (iso: string) => iso;
const LEASED = {
  ...{ id: 'cam-hall', name: 'Hall', host: '10.0.0.7', regime: 'leased', owner: 'partner', partner: 'emh' },
  rtsp: { port: 554, path: '/live' },
};
const OWN = { id: 'cam-parvis', name: 'Parvis', host: '10.0.0.9', regime: 'continuous', owner: 'commune' };
const CONTINUOUS = { ...OWN, rtsp: { port: 554, path: '/live' } };
const PARTNER = {
  ...{ id: 'emh', name: 'EMH', maxLeaseMinutes: 60, controlLossS: 20, reasons: ['safety', 'damage'] },
  convention: {
    reference: '467/2024',
    validFrom: at('2026-01-01T00:00:00Z'),
    validUntil: at('2027-01-01T00:00:00Z'),
  },
  hours: [{ days: ['mon', 'tue'], from: '08:00', to: '20:00' }],
  recipients: [{ id: 'csu', operators: [] }],
};
const BASE = { cameras: [LEASED, CONTINUOUS], partners: [PARTNER] };
const as = (more: object, camera: object = LEASED) => ({
  ...BASE,
  cameras: [{ ...camera, ...more }, CONTINUOUS],
});
const partnerAs = (more: object) => ({ ...BASE, partners: [{ ...PARTNER, ...more }] });
/** The same device as a camera of the commune. */
const taken = (more: object = {}) => ({ ...CONTINUOUS, id: 'cam-new', host: '10.0.0.7', ...more });

/** A box that knows `cam-hall` as a leased camera of `emh`. */
class Stage {
  readonly box: Box;
  readonly partner: MemberFolder;
  readonly applied: OpenedConfiguration[] = [];
  lookup: Lookup = async () => [];
  keeper!: ConfigurationKeeper;
  consent!: ReturnType<typeof consentOf>;

  constructor(box: Box, partner: MemberFolder) {
    this.box = box;
    this.partner = partner;
  }

  static async create(t: Test): Promise<Stage> {
    const plain = await enrolledBox(t);
    const folder = mkdtempSync(join(tmpdir(), 'consent-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const partner = await letPartnerIn(plain.csu, join(folder, 'emh'), [SITE], 'emh', plain.clock.wallMs());
    await letPartnerIn(plain.csu, join(folder, 'other'), [SITE], 'other', plain.clock.wallMs());
    const stage = new Stage(plain, partner);
    await stage.begin();
    await stage.push(t, BASE, '');
    return stage;
  }

  /** The agent starts, with the keyring that the technician has brought. */
  async begin(): Promise<void> {
    const { box } = this;
    const keys = await carryKeyringTo(box.csu, box.folder);
    const { clock, log, store, refusals, reports: reporter } = box;
    this.consent = consentOf(Object.assign(Object.create(box), { keys }) as Box, (name) => this.lookup(name));
    this.keeper = new ConfigurationKeeper({
      ...{ site: SITE, clock, log, store, refusals, reporter, keyring: keys.keyring, sealKey: keys.sealKey },
      clockTrust: () => box.clockTrust,
      consent: this.consent,
      consumer: {
        apply: async (next) => {
          this.applied.push(next);
        },
      },
    });
    await this.keeper.start();
  }

  async restart(): Promise<void> {
    await this.keeper.stop();
    await this.box.restart();
    await this.begin();
  }

  /** @param cause why it must be refused; empty when it must be taken */
  async push(t: Test, configuration: object, cause: string, consents: string[] = []): Promise<string> {
    const { box, keeper } = this;
    await box.clock.advance(60_000); // refusals that come faster are counted, not told
    const { jws, version } = await signConfiguration(
      box.csu,
      { site: SITE, configuration, consents },
      box.clock.wallMs(),
    );
    const before = this.applied.at(-1)?.version;
    await keeper.receive(Buffer.from(jws));
    const refusal = box.reports.of('refusal').find(({ order_id }) => order_id === String(version));
    const said = `${refusal?.detail ?? ''}`;
    t.equal(refusal?.cause ?? '', cause, `${JSON.stringify(configuration).slice(0, 300)}: ${said}`);
    t.equal(this.applied.at(-1)?.version, cause === '' ? version : before, 'in force');
    return said;
  }

  /** What the partner signs; each a second after the one before. */
  async agree(configuration: object, releases: string[] = [], by = this.partner): Promise<string> {
    await this.box.clock.advance(1000);
    const request = { site: SITE, configuration, releases, validDays: 90 };
    return (await signConsent(by, request, this.box.clock.wallMs())).jws;
  }
}

const REFUSED = 'partner-consent';

t.test('consent: the key of the CSU alone makes nothing else of a partner’s camera', async (t) => {
  const stage = await Stage.create(t);
  const attacks: Record<string, object> = {
    'continuous under its id': { cameras: [taken({ id: 'cam-hall' })] },
    'continuous elsewhere under its id': { cameras: [taken({ id: 'cam-hall', host: '10.0.0.8' })] },
    'a new entry at its address': { cameras: [taken()] },
    'another port': { cameras: [taken({ rtsp: { port: 8554, path: '/live' } })] },
    'another profile': { cameras: [taken({ rtsp: undefined, onvif: { profile: 'sub' } })] },
    'on demand': { cameras: [taken({ delivery: 'on-demand' })] },
    'hexadecimal address': { cameras: [taken({ host: '0x0a000007' })] },
    'short address': { cameras: [taken({ host: '10.7' })] },
    'octal address': { cameras: [taken({ host: '012.0.0.7' })] },
    'decimal address': { cameras: [taken({ host: '167772167' })] },
    'address inside IPv6': { cameras: [taken({ host: '::ffff:10.0.0.7' })] },
    'the same in digits': { cameras: [taken({ host: '::ffff:0a00:7' })] },
    'of another partner': {
      cameras: [{ ...LEASED, partner: 'other' }],
      partners: [{ ...PARTNER, id: 'other' }],
    },
    'another device': as({ host: '10.0.0.8' }),
    'another view of the device': as({ rtsp: { port: 554, path: '/stairs' } }),
    'another port of the device': as({ rtsp: { port: 555, path: '/live' } }),
    'keys swapped': partnerAs({ keys: ['abcdefgh12345678'] }),
    'longer leases': partnerAs({ maxLeaseMinutes: 61 }),
    'longer convention': partnerAs({
      convention: { ...PARTNER.convention, validUntil: at('2028-01-01T00:00:00Z') },
    }),
    'earlier convention': partnerAs({
      convention: { ...PARTNER.convention, validFrom: at('2025-01-01T00:00:00Z') },
    }),
    'more hours': partnerAs({ hours: [{ days: ['mon', 'tue'], from: '08:00', to: '20:01' }] }),
    'more days': partnerAs({ hours: [{ days: ['mon', 'tue', 'wed'], from: '08:00', to: '20:00' }] }),
    'more reasons': partnerAs({ reasons: ['safety', 'damage', 'trafficking'] }),
    'open for longer without the centre': partnerAs({ controlLossS: 21 }),
  };
  for (const [what, attack] of Object.entries(attacks)) {
    const said = await stage.push(t, attack, REFUSED);
    t.match(said, /partner emh has not agreed/, what);
  }
  const refused = stage.box.registered().filter((line) => line === `order.refused ${REFUSED}`);
  t.equal(refused.length, Object.keys(attacks).length);
  await stage.push(t, BASE, '');
});

t.test('consent: taken out, and put in as another later, a camera is still the partner’s', async (t) => {
  const stage = await Stage.create(t);
  await stage.push(t, { cameras: [CONTINUOUS] }, '');
  await stage.restart();
  await stage.push(t, { cameras: [taken()] }, REFUSED);
  await stage.push(t, as({ host: '10.0.0.8' }), REFUSED);
  await stage.push(t, partnerAs({ keys: ['abcdefgh12345678'] }), REFUSED);
  await stage.push(t, BASE, '');
});

t.test('consent: a name that leads to the camera is the camera', async (t) => {
  const stage = await Stage.create(t);
  stage.lookup = async (name) => (name === 'alias.mairie' ? ['10.0.0.7'] : []);
  await stage.push(t, { cameras: [taken({ host: 'alias.mairie' })] }, REFUSED);
  stage.lookup = async () => [];
  await stage.push(t, { cameras: [taken({ host: 'alias.mairie' })] }, '');
  t.same(await stage.consent.wayTo('alias.mairie'), { addresses: [] }, 'what leads nowhere goes nowhere');
  stage.lookup = async () => ['10.0.0.8', '10.0.0.9'];
  t.same(
    await stage.consent.wayTo('alias.mairie'),
    { addresses: ['10.0.0.8', '10.0.0.9'] },
    'the connection goes where the name led when it was judged',
  );
  t.same(await stage.consent.wayTo('10.0.0.8'), {}, 'an address cannot lead elsewhere');
  stage.lookup = async () => ['10.0.0.8', '::ffff:10.0.0.7'];
  t.equal(await stage.consent.wayTo('alias.mairie'), undefined, 'and when it leads there only later');
});

t.test('consent: a leased camera by a name holds the address that it led to', async (t) => {
  const stage = await Stage.create(t);
  stage.lookup = async () => ['10.0.0.77'];
  const named = { ...LEASED, id: 'cam-stairs', host: 'stairs.emh' };
  await stage.push(t, { ...BASE, cameras: [LEASED, named] }, '');
  await stage.push(t, { cameras: [taken({ host: '10.0.0.77' })] }, REFUSED);
  await stage.push(t, { cameras: [taken({ host: 'STAIRS.emh' })] }, REFUSED);
});

t.test('consent: to narrow the terms, and to take a camera out, needs nobody', async (t) => {
  const stage = await Stage.create(t);
  await stage.push(t, partnerAs({ maxLeaseMinutes: 10, controlLossS: 5, reasons: ['safety'] }), '');
  await stage.push(t, partnerAs({ hours: [{ days: ['tue'], from: '09:00', to: '10:00' }] }), '');
  await stage.push(t, BASE, '', []);
  await stage.push(t, { ...BASE, cameras: [{ ...LEASED, name: 'Hall B', credentials: undefined }] }, '');
  const more = { ...LEASED, id: 'cam-stairs', rtsp: { port: 554, path: '/stairs' } };
  await stage.push(t, { ...BASE, cameras: [LEASED, more] }, '', []);
});

t.test('consent: what the partner has signed is taken, and no more than that', async (t) => {
  const stage = await Stage.create(t);
  const wider = partnerAs({ maxLeaseMinutes: 120 });
  const consent = await stage.agree(wider);
  await stage.push(t, partnerAs({ maxLeaseMinutes: 121 }), REFUSED, [consent]);
  await stage.push(t, wider, '', [consent]);
  await stage.push(t, partnerAs({ maxLeaseMinutes: 100 }), '', [consent]);
  await stage.push(t, wider, '');
  const moved = as({ host: '10.0.0.8' });
  await stage.push(t, moved, '', [await stage.agree(moved)]);
  await stage.push(t, { cameras: [taken()] }, REFUSED, []);
  const back = partnerAs({ maxLeaseMinutes: 30 });
  await stage.push(t, { ...back, cameras: moved.cameras }, '', [
    await stage.agree({ partners: back.partners }),
  ]);
  await stage.push(t, { ...wider, cameras: moved.cameras }, REFUSED, [consent]);
});

t.test('consent: a camera that the partner gives away is free, with its address', async (t) => {
  const stage = await Stage.create(t);
  const sold = { cameras: [taken()] };
  const away = await stage.agree({}, ['cam-hall']);
  await stage.push(t, sold, '', [away]);
  await stage.restart();
  await stage.push(t, { ...sold, health: { probeIntervalS: 31 } }, '', [away]);
});

t.test('consent: a statement of anybody else counts for nothing', async (t) => {
  const stage = await Stage.create(t);
  const wider = partnerAs({ maxLeaseMinutes: 120 });
  const csu = await stage.box.csu.key('config');
  const forged = { request: () => stage.partner.request(), signingKey: async () => csu } as MemberFolder;
  await stage.push(t, wider, 'order-wrong-role', [await stage.agree(wider, [], forged)]);
  await stage.push(t, wider, 'order-unsigned', ['{}']);
  const late = await stage.agree(wider);
  await stage.box.clock.advance(91 * 24 * 3_600_000);
  await stage.push(t, wider, 'order-expired', [late]);
});

t.test('consent: a new key of the partner counts once the old one has said so', async (t) => {
  const stage = await Stage.create(t);
  const { partners } = (await stageKeys(stage, 'abcdefgh12345678')) as typeof BASE;
  await stage.push(t, { ...BASE, partners }, REFUSED);
  await stage.push(t, { ...BASE, partners }, '', [await stage.agree({ partners })]);
  await stage.push(t, BASE, '', []);
});

async function stageKeys({ partner }: Stage, more: string): Promise<object> {
  return partnerAs({ keys: [(await partner.signingKey()).kid, more] });
}

t.test('consent: the memory survives the loss of the database, and that of its second copy', async (t) => {
  for (const lost of ['beffroi.db', 'partners.json']) {
    const stage = await Stage.create(t);
    await stage.keeper.stop();
    stage.box.store.close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(stage.box.folder, lost + suffix), { force: true });
    await stage.box.restart();
    await stage.begin();
    await stage.push(t, { cameras: [taken()] }, REFUSED);
    await stage.push(t, partnerAs({ maxLeaseMinutes: 61 }), REFUSED);
  }
});

t.test('consent: a memory that nobody can read takes no camera but leased ones', async (t) => {
  const stage = await Stage.create(t);
  await stage.keeper.stop();
  stage.box.store.close();
  for (const suffix of ['', '-wal', '-shm'])
    rmSync(join(stage.box.folder, `beffroi.db${suffix}`), { force: true });
  writeFileSync(join(stage.box.folder, 'partners.json'), '{"partners":');
  await stage.box.restart();
  stage.applied.length = 0;
  await stage.begin();
  await stage.push(t, { cameras: [CONTINUOUS] }, REFUSED);
  await stage.push(t, { ...BASE, cameras: [LEASED] }, '');
  await stage.push(t, BASE, '');
  await stage.push(t, { cameras: [taken()] }, REFUSED);
});

t.test('consent: spellings of one address are one', (t) => {
  for (const host of [
    '127.1',
    '0x7f.1',
    '2130706433',
    '0177.0.0.1',
    '::ffff:127.0.0.1',
    '::1',
    '0',
    '64:ff9b::7f00:1',
  ])
    t.equal(plainHost(host), '127.0.0.1', host);
  t.equal(plainHost('CAM-Hall.EMH.'), 'cam-hall.emh');
  t.equal(plainHost('2001:DB8:0:0::7'), '2001:db8::7');
  t.equal(plainHost('cam_hall'), 'cam_hall');
  t.end();
});

import { plainJson } from '../../agent/base/text.ts';
import { LEASE_REASONS, RECIPIENTS } from '../../agent/contract/lease-terms.ts';
import type { CommandName } from '../../agent/contract/orders.ts';
import { thumbprint } from '../../agent/trust/keys.ts';
import { parseStrictJson } from '../../agent/trust/strict-json.ts';
import type { Options } from '../arguments.ts';
import { brokerOf, type Command, csuOf, type Desk, exchangeOf, readInputFile } from '../desk.ts';
import { sendCommand } from '../exchange.ts';
import { replaceFile } from '../files.ts';
import { checkSite } from '../folder.ts';
import { describeStatus } from '../lines.ts';
import type { BrokerIdentity } from '../link.ts';
import { unixSeconds } from '../order-words.ts';
import { type CommandWords, signCommand } from '../sign.ts';
import { signConsent } from './consent.ts';
import { readRequest } from './documents.ts';
import { addMember } from './enrol.ts';
import { sendLeaseOrder, signLease, signLeaseClose, watchConsignation } from './lease.ts';
import { describeConsent, describeLine } from './lines.ts';
import { MemberFolder } from './member.ts';
import { startPlayer, type ViewOptions, viewCamera } from './player.ts';

const WAIT_S = 30;
const MAX_LEASE_MINUTES = 240;
const MAX_VIEW_MINUTES = 1440;

/** How long a statement of consent can be taken. Source: guess. */
const CONSENT_DAYS = 90;
const MAX_CONSENT_DAYS = 731;

const EXCHANGE = { folder: 'one', site: 'one', broker: 'one', camera: 'one', 'wait-s': 'one' } as const;
const MEMBER = { folder: 'one', id: 'one', name: 'one' } as const;
const LET_IN = { folder: 'one', in: 'one', out: 'one', site: 'many' } as const;
const ACCEPT = { folder: 'one', in: 'one' } as const;

/** What concerns views, leases, and who takes part in them. */
export const VIEWING_COMMANDS: Readonly<Record<string, Command>> = {
  'view open': {
    options: { ...EXCHANGE, operator: 'one', for: 'one', reason: 'one', minutes: 'one' },
    run: (desk) =>
      sendView(desk, 'view.open', {
        operator: desk.options.required('operator'),
        onBehalfOf: desk.options.required('for'),
        reason: desk.options.required('reason'),
        end: endOf(desk.options),
      }),
  },
  'view extend': {
    options: { ...EXCHANGE, view: 'one', operator: 'one', reason: 'one', minutes: 'one' },
    run: (desk) =>
      sendView(desk, 'view.extend', {
        view: desk.options.required('view'),
        operator: desk.options.required('operator'),
        reason: desk.options.required('reason'),
        end: endOf(desk.options),
      }),
  },
  'view close': {
    options: { ...EXCHANGE, view: 'one', operator: 'one' },
    run: (desk) =>
      sendView(desk, 'view.close', {
        view: desk.options.required('view'),
        operator: desk.options.required('operator'),
      }),
  },
  view: {
    options: { folder: 'one', site: 'one', broker: 'one', camera: 'one', player: 'one', leased: 'flag' },
    run: view,
  },
  'lease open': {
    options: {
      ...EXCHANGE,
      recipient: 'one',
      operator: 'one',
      'granted-by': 'one',
      reason: 'one',
      minutes: 'one',
      called: 'one',
    },
    run: leaseOpen,
  },
  'lease close': { options: { ...EXCHANGE, lease: 'one', operator: 'one' }, run: leaseClose },
  'lease followup': {
    options: { ...EXCHANGE, lease: 'one', operator: 'one', done: 'one' },
    run: (desk) =>
      sendView(desk, 'lease.followup', {
        lease: desk.options.required('lease'),
        operator: desk.options.required('operator'),
        done: desk.options.required('done'),
      }),
  },
  'partner init': { options: MEMBER, run: (desk) => memberInit(desk, 'partner') },
  'partner add': { options: LET_IN, run: (desk) => memberAdd(desk, 'partner') },
  'partner accept': { options: ACCEPT, run: memberAccept },
  'partner consent': {
    options: { folder: 'one', site: 'one', in: 'one', out: 'one', release: 'many', 'valid-days': 'one' },
    run: partnerConsent,
  },
  'partner watch': { options: { folder: 'one', broker: 'one', json: 'flag' }, run: partnerWatch },
  'recipient init': { options: MEMBER, run: (desk) => memberInit(desk, 'recipient') },
  'recipient add': { options: LET_IN, run: (desk) => memberAdd(desk, 'recipient') },
  'recipient accept': { options: ACCEPT, run: memberAccept },
};

interface Viewer extends Pick<ViewOptions, 'lease'> {
  readonly who: BrokerIdentity;
}

/** Signs with the operator's key of the CSU, sends, and follows the order to its end. */
async function sendView(desk: Desk, command: CommandName, words: CommandWords): Promise<boolean> {
  const { options, texts, print, signal } = desk;
  const csu = csuOf(options);
  const exchange = exchangeOf(options, WAIT_S);
  const camera = options.required('camera');
  const signed = await signCommand(csu, { site: exchange.site, command, camera, ...words });
  print(texts.sent(signed.id));
  const last = await sendCommand(
    csu,
    signed,
    exchange,
    (status) => print(describeStatus(status, texts)),
    signal,
  );
  return last.status === 'successful';
}

/** Lines of one view, each told once: whoever can publish could else fill the terminal. Source: guess. */
const MAX_TOLD = 100;

/** Writes pictures to standard output, or to a player; everything that is said goes to standard error. */
async function view({ options, texts, signal }: Desk): Promise<boolean> {
  const site = options.required('site');
  checkSite(site);
  const camera = options.required('camera');
  const words = options.optional('player');
  const output = words === undefined ? process.stdout : await startPlayer(words, signal);
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const told = new Set<string>();
  const sayOnce = (line: string) => {
    if (told.has(line) || told.size >= MAX_TOLD) return;
    told.add(line);
    say(line);
  };
  const notices = {
    trouble: ({ message }: Error) => sayOnce(texts.viewing.unreadable(message)),
    partners: () => sayOnce(texts.viewing.needsLeased(camera)),
  };
  const { who, lease } = await viewerOf(options, site);
  const from = { site, camera, broker: brokerOf(options), ...(lease ? { lease } : {}) };
  await viewCamera(who, from, output, notices, signal);
  return true;
}

/** A recipient beside the CSU has leased pictures alone; the CSU says which of the two it wants to see. */
async function viewerOf(options: Options, site: string): Promise<Viewer> {
  const folder = options.required('folder');
  if (await MemberFolder.is(folder)) {
    const member = new MemberFolder(folder);
    const [recipient, key] = [await member.recipient(), await member.sealKey()];
    const lease = { recipient, key, boxKey: await member.boxKey(site) };
    return { who: await member.identity(), lease };
  }
  const csu = csuOf(options);
  if (!options.flag('leased')) return { who: csu.identity };
  const { sign: boxKey } = await csu.box(site);
  return { who: csu.identity, lease: { recipient: 'csu', key: await csu.recipientKey(), boxKey } };
}

async function leaseOpen({ options, texts, print, signal }: Desk): Promise<boolean> {
  const partner = new MemberFolder(options.required('folder'));
  const exchange = exchangeOf(options, WAIT_S);
  const camera = options.required('camera');
  const called = options.optional('called');
  const signed = await signLease(partner, {
    ...{ site: exchange.site, camera },
    recipient: options.choice('recipient', RECIPIENTS) ?? 'csu',
    operator: options.required('operator'),
    grantedBy: options.required('granted-by'),
    reason: options.choice('reason', LEASE_REASONS) ?? options.required('reason'),
    minutes: options.number('minutes', 1, MAX_LEASE_MINUTES) ?? Number(options.required('minutes')),
    ...(called === undefined ? {} : { calledMs: unixSeconds('called', called) * 1000 }),
  });
  print(texts.sent(signed.id));
  const last = await sendLeaseOrder(
    partner,
    { ...signed, camera, lease: signed.id },
    exchange,
    (line) => {
      print(describeLine(line, texts));
      return true;
    },
    signal,
  );
  return last.report.action === 'lease.opened';
}

/** With the folder of a partner by its own key, with that of the CSU by the key of its operators: either side closes. */
async function leaseClose(desk: Desk): Promise<boolean> {
  const { options, texts, print, signal } = desk;
  const lease = options.required('lease');
  const operator = options.required('operator');
  if (!(await MemberFolder.is(options.required('folder'))))
    return await sendView(desk, 'lease.close', { lease, operator });
  const partner = new MemberFolder(options.required('folder'));
  const exchange = exchangeOf(options, WAIT_S);
  const camera = options.required('camera');
  const signed = await signLeaseClose(partner, { site: exchange.site, camera, lease, operator });
  print(texts.sent(signed.id));
  const last = await sendLeaseOrder(
    partner,
    { ...signed, camera, lease },
    exchange,
    (line) => {
      print(describeLine(line, texts));
      return line.report.action === 'lease.closed' || line.report.action === 'lease.refused';
    },
    signal,
  );
  return last.report.action === 'lease.closed';
}

async function memberInit({ options, texts, print }: Desk, kind: 'partner' | 'recipient'): Promise<boolean> {
  const folder = options.required('folder');
  const id = options.required('id');
  const name = options.optional('name') ?? id;
  const member = await MemberFolder.create(folder, { kind, id, name } as Parameters<
    typeof MemberFolder.create
  >[1]);
  print(texts.viewing.made(folder, await member.fingerprint()));
  return true;
}

async function memberAdd({ options, texts, print }: Desk, kind: 'partner' | 'recipient'): Promise<boolean> {
  const request = readRequest(await readInputFile(options.required('in')));
  const out = options.required('out');
  const sites = options.has('site') ? options.list('site') : [];
  const { grant, fingerprint } = await addMember(csuOf(options), kind, request, sites);
  await replaceFile(out, `${JSON.stringify(grant, null, 2)}\n`);
  print(texts.viewing.letIn(request.id, fingerprint, out));
  if (kind === 'partner') print(texts.viewing.carryKeyring);
  return true;
}

async function memberAccept({ options, texts, print }: Desk): Promise<boolean> {
  const member = new MemberFolder(options.required('folder'));
  await member.accept(await readInputFile(options.required('in')));
  const { recipients } = await member.grant();
  print(texts.viewing.accepted);
  for (const { id, key } of recipients) print(`  ${id}: ${thumbprint(key)}`);
  return true;
}

async function partnerConsent({ options, texts, print }: Desk): Promise<boolean> {
  const out = options.required('out');
  const { jws, statement } = await signConsent(new MemberFolder(options.required('folder')), {
    site: options.required('site'),
    configuration: parseStrictJson(await readInputFile(options.required('in'))),
    releases: options.has('release') ? options.list('release') : [],
    validDays: options.number('valid-days', 1, MAX_CONSENT_DAYS) ?? CONSENT_DAYS,
  });
  await replaceFile(out, `${jws}\n`);
  for (const line of describeConsent(statement, texts)) print(line);
  print(texts.viewing.agreed(out));
  return true;
}

async function partnerWatch({ options, texts, print, signal }: Desk): Promise<boolean> {
  const partner = new MemberFolder(options.required('folder'));
  const json = options.flag('json');
  await watchConsignation(
    partner,
    brokerOf(options),
    (line, missed) => {
      if (missed) print(json ? JSON.stringify({ missed }) : texts.viewing.missed(missed));
      print(
        json
          ? plainJson(JSON.stringify({ verified: line.verified, ...line.report }))
          : describeLine(line, texts),
      );
    },
    signal,
  );
  return true;
}

function endOf(options: Options): number {
  const minutes = options.number('minutes', 1, MAX_VIEW_MINUTES) ?? Number(options.required('minutes'));
  return Math.floor(Date.now() / 1000) + minutes * 60;
}

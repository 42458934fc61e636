import type { Test } from 'tap';
import t from 'tap';
import { type BeffroiError, DeviceError, OrderRefusedError } from '../../agent/base/errors.ts';
import { CommandDesk } from '../../agent/commands/desk.ts';
import type { AlarmPorts, CommandPorts, Decision } from '../../agent/commands/ports.ts';
import type { CommandName } from '../../agent/contract/orders.ts';
import { parseSigningKey } from '../../agent/trust/keys.ts';
import { generateSigningKey, signOrder } from '../../agent/trust/sign.ts';
import type { CsuRole } from '../../provisioning/folder.ts';
import { type CommandWords, signCommand } from '../../provisioning/sign.ts';
import { type Box, enrolledBox, SITE } from '../config/fixture.ts';

type Act = (camera: string, signal: AbortSignal) => Promise<string>;

/** Does what the test says; knows the camera `cam-a`, and `cam-leased` of a partner. */
class Ports implements CommandPorts {
  act: Act = async (camera) => `${camera} done`;
  readonly asked: string[] = [];

  ping(signal: AbortSignal): Promise<string> {
    return this.#do('ping', 'box', signal);
  }

  checkCamera(camera: string, signal: AbortSignal): Promise<string> {
    return this.#do('check', camera, signal);
  }

  confirmRepair(camera: string, signal: AbortSignal): Promise<string> {
    return this.#do('confirm', camera, signal);
  }

  restartStream(camera: string, signal: AbortSignal): Promise<string> {
    return this.#do('restart', camera, signal);
  }

  async publishReport({ from, to }: { from: string; to: string }): Promise<string> {
    this.asked.push(`report ${from} ${to}`);
    return 'report done';
  }

  async takeInventory(): Promise<string> {
    this.asked.push('inventory');
    return 'inventory done';
  }

  confirmPicture(camera: string): string {
    this.asked.push(`confirm picture ${camera}`);
    return 'confirm done';
  }

  resetPicture(camera: string): string {
    this.asked.push(`reset ${camera}`);
    return 'reset done';
  }

  knowsCamera(camera: string): boolean {
    return camera === 'cam-a' || camera === 'cam-leased';
  }

  isLeased(camera: string): boolean {
    return camera === 'cam-leased';
  }

  readonly alarms: AlarmPorts = {
    knowsAlarm: (alarm) => alarm === 'alarm-1',
    knowsPoint: (point) => point === 'pt-a',
    acknowledge: (alarm, decision) => this.#decided('acknowledge', alarm, decision),
    close: (alarm, decision) => this.#decided('close', alarm, decision),
    shelve: (point, untilMs, decision) => this.#decided('shelve', `${point} ${untilMs}`, decision),
    unshelve: (point, decision) => this.#decided('unshelve', point, decision),
    knowsWindow: (window) => window === 'order-window',
    announce: ({ points, startMs, endMs }, decision) =>
      this.#decided('announce', `${points} ${startMs} ${endMs}`, decision),
    cancel: (window, decision) => this.#decided('cancel', window, decision),
    isApplied: () => false,
  };

  readonly missions: CommandPorts['missions'] = {
    knows: (mission) => mission === 'order-mission',
    announce: ({ cameras, priority, startMs, endMs, ...decision }) =>
      this.#decided('mission', `${cameras} ${priority} ${startMs} ${endMs}`, decision),
    cancel: (mission, decision) => this.#decided('cancel', mission, decision),
  };

  #decided(what: string, target: string, { by, why }: Decision): string {
    this.asked.push(`${what} ${target} ${by} ${why}`.trim());
    return `${what} done`;
  }

  obstacleOfViewing: BeffroiError | undefined;
  readonly refusedViewings: string[] = [];

  readonly viewing: CommandPorts['viewing'] = {
    obstacle: () => this.obstacleOfViewing,
    carryOut: ({ order }, signal) => this.#do(order.command, order.camera, signal),
    refused: (order, signer, { code }) => this.refusedViewings.push(`${order.command} ${signer} ${code}`),
    refusedToo: (order, signer, { code }) =>
      this.refusedViewings.push(`${order.command} ${signer} ${code} too`),
    failed: (order, signer, { code }) => this.refusedViewings.push(`${order.command} ${signer} ${code}`),
    isApplied: () => false,
  };

  #do(what: string, camera: string, signal: AbortSignal): Promise<string> {
    this.asked.push(`${what} ${camera}`);
    return this.act(camera, signal);
  }
}

interface Desk {
  readonly box: Box;
  readonly ports: Ports;
  readonly desk: CommandDesk;
}

async function deskOf(t: Test): Promise<Desk> {
  const box = await enrolledBox(t);
  const ports = new Ports();
  const desk = newDesk(box, ports);
  await desk.start();
  return { box, ports, desk };
}

function newDesk(box: Box, ports: Ports): CommandDesk {
  const { clock, store, refusals, reports, keys } = box;
  return new CommandDesk({
    site: SITE,
    keyring: keys.keyring,
    clock,
    clockTrust: () => box.clockTrust,
    store,
    refusals,
    ports,
    reporter: reports,
  });
}

async function order(
  box: Box,
  command: CommandName,
  target: string | CommandWords | undefined = {},
): Promise<Buffer> {
  const words = typeof target === 'string' ? { camera: target } : target;
  const request = { site: SITE, command, ...words };
  return Buffer.from((await signCommand(box.csu, request, box.clock.wallMs())).jws);
}

let orders = 0;

/** Signs whatever it is given, as the CSU's own tools would refuse to. */
async function signedAsIs(box: Box, claims: object, role: CsuRole = 'operate'): Promise<Buffer> {
  const iat = Math.floor(box.clock.wallMs() / 1000);
  orders += 1;
  const ping = {
    typ: 'command',
    aud: SITE,
    jti: `order-${orders}-of-test`,
    iat,
    exp: iat + 60,
    command: 'agent.ping',
  };
  return Buffer.from(signOrder({ ...ping, ...claims }, [await box.csu.key(role)]));
}

const statuses = (box: Box) => box.reports.of('command').map(({ status }) => status);

const DECISION = { by: 'Opérateur 12', why: 'agent sur place' };

const GOOD: [CommandName, string | CommandWords | undefined, string][] = [
  ['agent.ping', undefined, 'ping box'],
  ['camera.check', 'cam-a', 'check cam-a'],
  ['stream.restart', 'cam-a', 'restart cam-a'],
  ['health.confirm', { camera: 'cam-a', by: 'Op 1' }, 'confirm cam-a'],
  ['picture.confirm', 'cam-a', 'confirm picture cam-a'],
  ['picture.reset', 'cam-a', 'reset cam-a'],
  ['alarm.acknowledge', { alarm: 'alarm-1', by: 'Op 1' }, 'acknowledge alarm-1 Op 1'],
  ['alarm.close', { alarm: 'alarm-1', ...DECISION }, 'close alarm-1 Opérateur 12 agent sur place'],
  [
    'alarm.shelve',
    { point: 'pt-a', until: 1_790_000_000, ...DECISION },
    'shelve pt-a 1790000000000 Opérateur 12 agent sur place',
  ],
  ['alarm.unshelve', { point: 'pt-a', by: 'Op 1' }, 'unshelve pt-a Op 1'],
  [
    'maintenance.announce',
    { points: ['pt-a'], start: 1_790_000_000, end: 1_790_003_600, ...DECISION },
    'announce pt-a 1790000000000 1790003600000 Opérateur 12 agent sur place',
  ],
  [
    'maintenance.cancel',
    { window: 'order-window', ...DECISION },
    'cancel order-window Opérateur 12 agent sur place',
  ],
  [
    'mission.announce',
    { cameras: ['cam-a'], priority: 9, start: 1_790_000_000, end: 1_790_003_600, ...DECISION },
    'mission cam-a 9 1790000000000 1790003600000 Opérateur 12 agent sur place',
  ],
  [
    'mission.cancel',
    { mission: 'order-mission', ...DECISION },
    'cancel order-mission Opérateur 12 agent sur place',
  ],
];

for (const [command, target, asked] of GOOD) {
  t.test(`commands: ${command} is accepted, executed and told to its end`, async (t) => {
    const { box, ports, desk } = await deskOf(t);
    await desk.receive(await order(box, command, target), false);
    t.strictSame(ports.asked, [asked]);
    t.strictSame(statuses(box), ['accepted', 'executing', 'successful']);
    const key = await box.csu.key('operate');
    t.match(box.reports.of('command').at(-1), { command, signer: key.kid, cause: 'none', detail: /done$/ });
    t.strictSame(box.registered(), [`order.accepted ${command}`, 'order.successful none']);
  });
}

t.test('commands: a command that goes wrong fails with its cause', async (t) => {
  const { box, ports, desk } = await deskOf(t);
  ports.act = async () => {
    throw new DeviceError('camera-unreachable', 'cam-a: expected an answer, none came');
  };
  await desk.receive(await order(box, 'camera.check', 'cam-a'), false);
  t.strictSame(statuses(box), ['accepted', 'executing', 'failed']);
  t.match(box.reports.of('command').at(-1), {
    cause: 'camera-unreachable',
    detail: 'cam-a: expected an answer, none came',
  });
  t.equal(box.registered().at(-1), 'order.failed camera-unreachable');
});

t.test('commands: what does not hold is refused, counted, registered and told', async (t) => {
  const { box, ports, desk } = await deskOf(t);
  const iat = Math.floor(box.clock.wallMs() / 1000);
  const stranger = parseSigningKey(JSON.stringify(generateSigningKey().privateJwk));
  const claims = {
    typ: 'command',
    aud: SITE,
    jti: 'forged-order-1',
    iat,
    exp: iat + 60,
    command: 'agent.ping',
  };
  const done = await order(box, 'agent.ping');
  await desk.receive(done, false);
  const cases: [string, Buffer, boolean, string, boolean][] = [
    ['forged', Buffer.from(signOrder(claims, [stranger])), false, 'order-bad-signature', false],
    ['no JWS', Buffer.from('reboot now'), false, 'order-unsigned', false],
    ['too large', Buffer.alloc(20_000, 0x20), false, 'order-too-large', false],
    ['for another box', await signedAsIs(box, { aud: '57463-ecole' }), false, 'order-wrong-audience', false],
    [
      'outside of the closed list',
      await signedAsIs(box, { command: 'shell.run' }),
      false,
      'order-invalid',
      false,
    ],
    ['with a key that is unknown', await signedAsIs(box, { argument: 'x' }), false, 'order-invalid', false],
    ['a configuration', await signedAsIs(box, { typ: 'configuration' }), false, 'order-invalid', false],
    [
      'signed by the key for configurations',
      await signedAsIs(box, {}, 'config'),
      false,
      'order-wrong-role',
      true,
    ],
    ['expired', await signedAsIs(box, { iat: iat - 100, exp: iat - 1 }), false, 'order-expired', true],
    [
      'from the future',
      await signedAsIs(box, { iat: iat + 600, exp: iat + 660 }),
      false,
      'order-not-yet-valid',
      true,
    ],
    ['valid for a day', await signedAsIs(box, { exp: iat + 86_400 }), false, 'order-invalid', false],
    ['retained', await signedAsIs(box, {}), true, 'order-retained', true],
    ['retained and forged', Buffer.from(signOrder(claims, [stranger])), true, 'order-retained', false],
    [
      'for a camera that is not there',
      await signedAsIs(box, { command: 'camera.check', camera: 'cam-z' }),
      false,
      'order-unknown-target',
      true,
    ],
    [
      'for a point that is not there',
      await signedAsIs(box, { command: 'alarm.unshelve', point: 'pt-z', by: 'Op' }),
      false,
      'order-unknown-target',
      true,
    ],
    [
      'for points of which one is not there',
      await signedAsIs(box, {
        ...{ command: 'maintenance.announce', points: ['pt-a', 'pt-z'], start: iat, end: iat + 60 },
        ...{ by: 'Op', why: 'test' },
      }),
      false,
      'order-unknown-target',
      true,
    ],
    [
      'for a window that is over',
      await signedAsIs(box, { command: 'maintenance.cancel', window: 'order-gone', by: 'Op', why: 'test' }),
      false,
      'order-unknown-target',
      true,
    ],
    [
      'for cameras of which one is not there',
      await signedAsIs(box, {
        ...{
          command: 'mission.announce',
          cameras: ['cam-a', 'cam-z'],
          priority: 9,
          start: iat,
          end: iat + 60,
        },
        ...{ by: 'Op', why: 'test' },
      }),
      false,
      'order-unknown-target',
      true,
    ],
    [
      'to begin the stream of a partner anew',
      await signedAsIs(box, { command: 'stream.restart', camera: 'cam-leased' }),
      false,
      'order-wrong-regime',
      true,
    ],
    [
      'to send a partner first',
      await signedAsIs(box, {
        ...{ command: 'mission.announce', cameras: ['cam-a', 'cam-leased'], priority: 9, start: iat },
        ...{ end: iat + 60, by: 'Op', why: 'test' },
      }),
      false,
      'order-wrong-regime',
      true,
    ],
    [
      'for a mission that is over',
      await signedAsIs(box, { command: 'mission.cancel', mission: 'order-gone', by: 'Op', why: 'test' }),
      false,
      'order-unknown-target',
      true,
    ],
    [
      'for an alarm that is over',
      await signedAsIs(box, { command: 'alarm.acknowledge', alarm: 'alarm-0', by: 'Op' }),
      false,
      'order-unknown-target',
      true,
    ],
    [
      'without who decides',
      await signedAsIs(box, { command: 'alarm.acknowledge', alarm: 'alarm-1' }),
      false,
      'order-invalid',
      false,
    ],
    [
      'by a name with control characters',
      await signedAsIs(box, { command: 'alarm.acknowledge', alarm: 'alarm-1', by: 'a\u001b[2J' }),
      false,
      'order-invalid',
      false,
    ],
    ['replayed', done, false, 'order-replayed', true],
  ];
  const before = statuses(box).length;
  for (const [index, [name, payload, retained, code, readable]] of cases.entries()) {
    await box.clock.advance(60_000);
    box.clock.jumpWall(-60_000);
    await desk.receive(payload, retained);
    t.match(
      box.reports.of('refusal').at(-1),
      { order: 'command', cause: code, refused_total: index + 1 },
      name,
    );
    t.equal(
      box.reports.of('refusal').at(-1)?.order_id !== '',
      readable,
      `${name}: only a good signature makes the id known`,
    );
    t.equal(box.registered().at(-1), `order.refused ${code}`, `${name}: registered`);
  }
  t.strictSame(ports.asked, ['ping box'], 'nothing was done');
  const rejected = statuses(box).slice(before);
  t.strictSame(
    rejected,
    cases.filter(([, , , , readable]) => readable).map(() => 'rejected'),
  );
});

const VIEW_OPEN = {
  command: 'view.open',
  camera: 'cam-a',
  operator: 'c.weber',
  onBehalfOf: 'police municipale',
  reason: 'rixe',
  end: 2_000_000_000,
};

t.test('commands: an order about a view goes to the room of views, as it was signed', async (t) => {
  const { box, ports, desk } = await deskOf(t);
  await desk.receive(await signedAsIs(box, VIEW_OPEN), false);
  t.strictSame(ports.asked, ['view.open cam-a']);
  t.strictSame(statuses(box), ['accepted', 'executing', 'successful']);
});

t.test('commands: an obstacle refuses it before it is accepted, and the room of views is told', async (t) => {
  const { box, ports, desk } = await deskOf(t);
  ports.obstacleOfViewing = new OrderRefusedError('order-wrong-regime', 'cam-a is not delivered on demand');
  await desk.receive(await signedAsIs(box, VIEW_OPEN), false);
  t.strictSame(ports.asked, []);
  t.match(box.reports.of('command'), [{ status: 'rejected', cause: 'order-wrong-regime' }]);
  const { kid } = await box.csu.key('operate');
  t.strictSame(ports.refusedViewings, [`view.open ${kid} order-wrong-regime`]);
});

const LEASE_OPEN = {
  command: 'lease.open',
  camera: 'cam-a',
  recipient: 'csu',
  recipientKey: 'a'.repeat(43),
  operator: 'c.weber',
  grantedBy: 'a.muller',
  reason: 'safety',
  start: 1_900_000_000,
  end: 2_000_000_000,
};

t.test('commands: no key of the CSU opens on lease', async (t) => {
  const { box, ports, desk } = await deskOf(t);
  for (const role of ['operate', 'config', 'maintain', 'receive', 'release'] as const) {
    await desk.receive(await signedAsIs(box, LEASE_OPEN, role), false);
    t.match(box.reports.of('refusal').at(-1), { cause: 'order-wrong-role' }, role);
  }
  t.strictSame(ports.asked, []);
  t.equal(ports.refusedViewings.length, 5, 'each try is told');
});

t.test('commands: while the clock is untrusted none is taken', async (t) => {
  const { box, ports, desk } = await deskOf(t);
  box.clockTrust = 'untrusted';
  const payload = await order(box, 'agent.ping');
  await desk.receive(payload, false);
  t.match(box.reports.of('command'), [{ status: 'rejected', cause: 'order-clock-untrusted' }]);
  t.strictSame(ports.asked, []);
});

t.test('commands: a command is spent also after a restart', async (t) => {
  const { box, ports, desk } = await deskOf(t);
  const payload = await order(box, 'agent.ping');
  await desk.receive(payload, false);
  await desk.stop();
  await box.restart();
  const again = newDesk(box, ports);
  await again.start();
  await again.receive(payload, false);
  t.match(box.reports.of('refusal'), [{ cause: 'order-replayed' }]);
  t.strictSame(ports.asked, ['ping box']);
});

t.test('commands: what was in work at a crash is told as failed at the next start, once', async (t) => {
  const { box, ports, desk } = await deskOf(t);
  ports.act = () => new Promise(() => undefined);
  void desk.receive(await order(box, 'stream.restart', 'cam-a'), false);
  t.strictSame(statuses(box), ['accepted', 'executing']);
  await box.restart();
  await newDesk(box, ports).start();
  t.match(box.reports.of('command'), [
    { status: 'failed', command: 'stream.restart', camera: 'cam-a', cause: 'command-interrupted' },
  ]);
  await box.restart();
  await newDesk(box, ports).start();
  t.strictSame(box.reports.of('command'), []);
});

t.test('commands: a polite stop ends what is in work as failed', async (t) => {
  const { box, ports, desk } = await deskOf(t);
  let aborted = false;
  ports.act = (_camera, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        aborted = true;
        reject(signal.reason);
      });
    });
  const received = desk.receive(await order(box, 'camera.check', 'cam-a'), false);
  await desk.stop();
  await received;
  t.ok(aborted);
  t.match(box.reports.of('command').at(-1), { status: 'failed', cause: 'command-interrupted' });
});

t.test('commands: one that does not end is given up in time, also when it ignores its signal', async (t) => {
  const { box, ports, desk } = await deskOf(t);
  ports.act = () => new Promise(() => undefined);
  const received = desk.receive(await order(box, 'camera.check', 'cam-a'), false);
  await box.clock.advance(30_000);
  await received;
  t.match(box.reports.of('command').at(-1), { status: 'failed', cause: 'command-timeout' });
});

t.test('commands: a few run at a time, more are refused', async (t) => {
  const { box, ports, desk } = await deskOf(t);
  const gate = Promise.withResolvers<string>();
  ports.act = () => gate.promise;
  const payloads = await Promise.all(Array.from({ length: 9 }, () => order(box, 'agent.ping')));
  const received = payloads.map((payload) => desk.receive(payload, false));
  await received.at(-1);
  t.match(box.reports.of('refusal'), [{ cause: 'order-busy' }]);
  gate.resolve('pong');
  await Promise.all(received);
  t.equal(statuses(box).filter((status) => status === 'successful').length, 8);
});

t.test(
  'commands: what ends or acknowledges something is taken however many others are in work',
  async (t) => {
    const { box, ports, desk } = await deskOf(t);
    const gate = Promise.withResolvers<string>();
    ports.act = (camera) => (camera === 'cam-a' ? gate.promise : Promise.resolve('done'));
    const checks = await Promise.all(Array.from({ length: 8 }, () => order(box, 'camera.check', 'cam-a')));
    const received = checks.map((payload) => desk.receive(payload, false));
    await desk.receive(await order(box, 'alarm.acknowledge', { alarm: 'alarm-1', by: 'Op 1' }), false);
    t.match(box.reports.of('command').at(-1), { command: 'alarm.acknowledge', status: 'successful' });
    gate.resolve('well');
    await Promise.all(received);
  },
);

t.test('commands: a flood of forged orders fills neither the outbox nor the register', async (t) => {
  const { box, desk } = await deskOf(t);
  for (let count = 0; count < 500; count += 1) await desk.receive(Buffer.from(`{"forged":${count}}`), false);
  t.equal(box.refusals.total, 500);
  t.equal(box.reports.of('refusal').length, 10);
  await box.clock.advance(60_000);
  t.equal(box.reports.of('refusal').length, 11, 'the rest is told in one line');
  t.match(box.reports.of('refusal').at(-1), { detail: /490 order-unsigned/, refused_total: 500 });
  t.equal(box.registered().length, 11);
});

t.test('commands: a replay of a good command many times is told in bounds as well', async (t) => {
  const { box, desk } = await deskOf(t);
  const payload = await order(box, 'agent.ping');
  for (let count = 0; count < 100; count += 1) await desk.receive(payload, false);
  t.equal(statuses(box).filter((status) => status === 'rejected').length, 10);
  t.equal(box.refusals.total, 99);
});

t.test('commands: a flood of forged orders does not hide what becomes of a signed one', async (t) => {
  const { box, desk } = await deskOf(t);
  for (let count = 0; count < 50; count += 1) await desk.receive(Buffer.from(`{"forged":${count}}`), false);
  await desk.receive(await order(box, 'camera.check', 'cam-unknown'), false);
  t.match(box.reports.of('refusal').at(-1), { cause: 'order-unknown-target' });
  t.match(box.reports.of('command').at(-1), { status: 'rejected', cause: 'order-unknown-target' });
  await desk.receive(await order(box, 'agent.ping'), false);
  t.match(box.reports.of('command').at(-1), { status: 'successful' });
});

t.test('commands: the end of a flood is told also when the agent stops', async (t) => {
  const { box, desk } = await deskOf(t);
  for (let count = 0; count < 12; count += 1) desk.refuseOversize(10_000_000);
  await box.refusals.stop();
  t.match(box.reports.of('refusal').at(-1), { detail: /2 order-too-large/ });
});

t.test('commands: a long answer of a camera is cut', async (t) => {
  const { box, ports, desk } = await deskOf(t);
  ports.act = async () => 'x'.repeat(10_000);
  await desk.receive(await order(box, 'camera.check', 'cam-a'), false);
  t.equal(String(box.reports.of('command').at(-1)?.detail).length, 500);
});

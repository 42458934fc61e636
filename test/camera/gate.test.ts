import t from 'tap';
import { CameraGate } from '../../agent/camera/gate.ts';
import type { LoginRecord } from '../../agent/camera/login-count.ts';
import type { Permit } from '../../agent/camera/types.ts';
import * as fc from '../support/properties.ts';
import { TestClock } from '../support/test-clock.ts';

const never = new AbortController().signal;

function memory(...records: LoginRecord[]) {
  return {
    saved: records as readonly LoginRecord[],
    writes: 0,
    load() {
      return this.saved;
    },
    save(value: readonly LoginRecord[]) {
      this.saved = value;
      this.writes += 1;
    },
  };
}

/** Credentials that were refused so often. */
function refused(count: number): LoginRecord {
  return { version: 1, refused: count, unsure: 0, proven: false };
}

function gate(
  options: { max?: number; version?: number; saved?: readonly LoginRecord[]; waitMs?: number } = {},
) {
  const clock = new TestClock();
  const latch = memory(...(options.saved ?? []));
  const made = new CameraGate(
    { clock, memory: latch },
    {
      camera: 'cam-1',
      maxConnections: options.max ?? 4,
      credentialVersion: options.version ?? 1,
      waitMs: options.waitMs ?? 1000,
    },
  );
  return { gate: made, clock, latch };
}

async function refuseOnce(one: CameraGate): Promise<void> {
  const permit = await one.acquire(never);
  await permit.tryLogin();
  permit.loginRefused();
  permit.release();
}

t.test('three refused logins close the latch until the credential version changes', async (t) => {
  const { gate: one } = gate();
  for (let i = 0; i < 3; i += 1) await refuseOnce(one);
  await t.rejects(one.acquire(never), { code: 'camera-latched', fault: 'device' });
  one.setCredentialVersion(1);
  await t.rejects(one.acquire(never), { code: 'camera-latched' });
  one.setCredentialVersion(2);
  const permit = await one.acquire(never);
  t.equal(await permit.tryLogin(), true);
  permit.loginUnanswered();
  permit.release();
  one.setCredentialVersion(1);
  await t.rejects(one.acquire(never), { code: 'camera-latched' }, 'going back gives no new tries');
});

t.test('the count of refused logins survives a restart', async (t) => {
  const before = gate();
  await refuseOnce(before.gate);
  await refuseOnce(before.gate);
  t.same(before.latch.saved, [refused(2)]);
  const after = gate({ saved: before.latch.saved });
  await refuseOnce(after.gate);
  await t.rejects(after.gate.acquire(never), { code: 'camera-latched' });
  const newer = gate({ version: 2, saved: [refused(3)] });
  const permit = await newer.gate.acquire(never);
  t.equal(await permit.tryLogin(), true);
  permit.loginRefused();
  const older = gate({ version: 1, saved: newer.latch.saved });
  await t.rejects(older.gate.acquire(never), { code: 'camera-latched' }, 'also that of an earlier version');
});

t.test('a login that dies under way is counted, until one is accepted', async (t) => {
  let saved: readonly LoginRecord[] = [];
  const dieInLogin = async () => {
    const { gate: one, latch } = gate({ saved });
    t.equal(await (await one.acquire(never)).tryLogin(), true);
    saved = latch.saved;
  };
  await dieInLogin();
  await dieInLogin();
  const { gate: one, latch } = gate({ saved });
  const permit = await one.acquire(never);
  await permit.tryLogin();
  permit.loginAccepted();
  t.same(latch.saved, [{ version: 1, refused: 0, unsure: 1, proven: true }], 'one is feared for all');
  const { writes } = latch;
  for (let i = 0; i < 5; i += 1) {
    await permit.tryLogin();
    permit.loginAccepted();
  }
  t.equal(latch.writes, writes, 'proven credentials cost no write');

  saved = [];
  for (let i = 0; i < 3; i += 1) await dieInLogin();
  await t.rejects(gate({ saved }).gate.acquire(never), { code: 'camera-latched' });
});

t.test(
  'a password that was right and is changed costs three refusals, though the box dies in one of them',
  async (t) => {
    const proven = async (one: CameraGate) => {
      const permit = await one.acquire(never);
      await permit.tryLogin();
      permit.loginAccepted();
      return permit;
    };
    const before = gate();
    const permit = await proven(before.gate);
    t.equal(await permit.tryLogin(), true, 'refused by the camera, and nobody hears it');
    const after = gate({ saved: before.latch.saved });
    await refuseOnce(after.gate);
    await refuseOnce(after.gate);
    await t.rejects(after.gate.acquire(never), { code: 'camera-latched' });

    const well = gate({ saved: before.latch.saved });
    await proven(well.gate);
    for (let i = 0; i < 2; i += 1) await refuseOnce(well.gate);
    t.ok(await well.gate.acquire(never), 'the fear goes with the next login that is accepted');
    const last = await proven(well.gate);
    t.equal(await last.tryLogin(), true);
    t.match(
      well.latch.saved,
      [{ refused: 2, unsure: 1 }],
      'the last that is left is written before it is sent',
    );
    await t.rejects(gate({ saved: well.latch.saved }).gate.acquire(never), { code: 'camera-latched' });
    last.loginAccepted();
    t.ok(await gate({ saved: well.latch.saved }).gate.acquire(never));
  },
);

t.test('a camera that leaves logins unanswered is left alone after three, for ten minutes', async (t) => {
  const { gate: one, clock } = gate();
  const unanswered = async () => {
    const permit = await one.acquire(never);
    t.equal(await permit.tryLogin(), true);
    permit.loginUnanswered();
    permit.release();
  };
  const silent = () =>
    t.rejects(one.acquire(never), { code: 'camera-silent', message: /the next is tried in \d+ s/ });
  for (let i = 0; i < 3; i += 1) await unanswered();
  await silent();
  await clock.advance(599_000);
  await silent();
  await clock.advance(1_000);
  await unanswered();
  await silent();
  one.setCredentialVersion(2);
  (await one.acquire(never)).release();
  one.setCredentialVersion(1);
  await clock.advance(600_000);
  const permit = await one.acquire(never);
  await permit.tryLogin();
  permit.loginAccepted();
  permit.release();
  for (let i = 0; i < 10; i += 1) await unanswered();
});

t.test('a camera that answers, though not to the login, is not left alone', async (t) => {
  const { gate: one } = gate();
  for (let i = 0; i < 10; i += 1) {
    const permit = await one.acquire(never);
    t.equal(await permit.tryLogin(), true);
    if (i % 3 === 2) permit.loginUndecided();
    else permit.loginUnanswered();
    permit.release();
  }
  for (let i = 0; i < 10; i += 1) {
    const permit = await one.acquire(never);
    permit.loginUnanswered();
    permit.release();
  }
  t.pass('a connection that is cut before any login was sent counts for nothing');
});

t.test('a connection that is given up in the middle of a login may have been refused', async (t) => {
  const { gate: one, latch } = gate();
  const abandoned = await one.acquire(never);
  await abandoned.tryLogin();
  abandoned.release();
  const cut = await one.acquire(never);
  await cut.tryLogin();
  cut.loginUnanswered();
  cut.release();
  t.same(latch.saved, [{ version: 1, refused: 0, unsure: 1, proven: false }], 'the camera cut is no refusal');
});

t.test('connections that log in at once share the tries that are left', async (t) => {
  const { gate: one } = gate({ saved: [refused(1)] });
  const first = await one.acquire(never);
  const second = await one.acquire(never);
  const third = await one.acquire(never);
  t.same(await Promise.all([first.tryLogin(), second.tryLogin()]), [true, true]);
  let leave: boolean | undefined;
  const waiting = third.tryLogin().then((granted) => {
    leave = granted;
  });
  await Promise.resolve();
  t.equal(leave, undefined, 'the third waits for the outcome of the others');
  first.loginAccepted();
  await waiting;
  t.equal(leave, true);
  second.release();
});

t.test('whoever has leave for a login keeps it until it is settled, and no longer', async (t) => {
  const { gate: one, clock } = gate({ saved: [refused(2)] });
  const first = await one.acquire(never);
  t.same(await Promise.all([first.tryLogin(), first.tryLogin()]), [true, true]);
  t.equal(await first.tryLogin(), true);
  const second = await one.acquire(never);
  const late = second.tryLogin();
  await clock.advance(1000);
  t.equal(await late, false, 'nobody waits for ever');
  const next = second.tryLogin();
  second.release();
  first.loginUnanswered();
  t.equal(await next, false, 'leave that came too late is given back');
  t.equal(await first.tryLogin(), true);
});

t.test('those who wait are told when the latch closes', async (t) => {
  const { gate: one } = gate({ saved: [refused(2)], max: 2 });
  const permit = await one.acquire(never);
  await permit.tryLogin();
  const other = await one.acquire(never);
  const forLogin = other.tryLogin();
  const forConnection = one.acquire(never);
  permit.loginRefused();
  await t.rejects(forConnection, { code: 'camera-latched' });
  t.equal(await forLogin, false);
  t.equal(await permit.tryLogin(), false);
});

t.test(
  'a login that is accepted after a refusal on the same connection takes the refusal back',
  async (t) => {
    const { gate: one, latch } = gate();
    for (let i = 0; i < 10; i += 1) {
      const permit = await one.acquire(never);
      await permit.tryLogin();
      permit.loginRefused();
      await permit.tryLogin();
      permit.loginAccepted();
      permit.release();
    }
    t.same(latch.saved, [{ version: 1, refused: 0, unsure: 1, proven: true }]);
  },
);

t.test(
  "an accepted login does not hide another connection's refusals, but forgives those of yesterday",
  async (t) => {
    const { gate: one, clock, latch } = gate();
    const accepted = async () => {
      const permit = await one.acquire(never);
      await permit.tryLogin();
      permit.loginAccepted();
      permit.release();
    };
    await refuseOnce(one);
    await accepted();
    await refuseOnce(one);
    await accepted();
    t.same(
      latch.saved,
      [{ version: 1, refused: 2, unsure: 0, proven: true }],
      'the last is written precisely',
    );
    await clock.advance(24 * 3600 * 1000);
    await accepted();
    t.same(latch.saved, [{ version: 1, refused: 0, unsure: 1, proven: true }]);
    for (let i = 0; i < 3; i += 1) await refuseOnce(one);
    await clock.advance(48 * 3600 * 1000);
    await t.rejects(one.acquire(never), { code: 'camera-latched' }, 'a closed latch does not open by time');
  },
);

t.test('connections beyond the budget wait in order, and not for ever', async (t) => {
  const { gate: one, clock } = gate({ max: 2, version: 0 });
  const held = [await one.acquire(never), await one.acquire(never)];
  const order: string[] = [];
  const a = one.acquire(never).then((permit) => {
    order.push('a');
    return permit;
  });
  const b = one.acquire(never).then((permit) => {
    order.push('b');
    return permit;
  });
  held[0]?.release();
  held[0]?.release();
  const permitA = await a;
  t.same(order, ['a'], 'a double release frees one connection only');
  permitA.release();
  await b;
  t.same(order, ['a', 'b']);
  const late = t.rejects(one.acquire(never), { code: 'camera-connection-limit', fault: 'ourselves' });
  await clock.advance(1000);
  await late;
});

t.test('a caller that gives up leaves the queue and takes no connection with it', async (t) => {
  const { gate: one } = gate({ max: 1, version: 0 });
  const held = await one.acquire(never);
  const abort = new AbortController();
  const gone = one.acquire(abort.signal);
  const next = one.acquire(never);
  abort.abort(new Error('enough'));
  held.release();
  await t.rejects(gone, { message: 'enough' });
  (await next).release();
  (await one.acquire(never)).release();
  await t.rejects(one.acquire(AbortSignal.abort(new Error('before'))), { message: 'before' });
});

t.test('a camera without credentials has no latch', async (t) => {
  const { gate: one, latch } = gate({ version: 0 });
  for (let i = 0; i < 5; i += 1) await refuseOnce(one);
  t.equal(await (await one.acquire(never)).tryLogin(), true);
  t.same(latch.saved, []);
});

type Step =
  | { readonly do: 'acquire' }
  | {
      readonly do: 'try' | 'refuse' | 'accept' | 'unanswered' | 'release';
      readonly which: number;
      readonly unheard: boolean;
    }
  | { readonly do: 'version'; readonly version: number }
  | { readonly do: 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ do: 'acquire' } as const) },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constantFrom<'try' | 'refuse' | 'accept' | 'unanswered' | 'release'>(
        ...(['try', 'try', 'try', 'refuse', 'refuse', 'accept', 'unanswered', 'release'] as const),
      ),
      which: fc.nat(8),
      unheard: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('version' as const), version: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' } as const) },
);

/** A connection as the camera sees it: whether credentials that it has not answered came on it. */
interface Connection {
  readonly permit: Permit;
  readonly version: number;
  refusedHere: number;
  sent: boolean;
}

t.test('whatever the order of events, a camera never sees a fourth refusal of a version', async (t) => {
  let latched = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
      const clock = new TestClock();
      const latch = memory();
      /** What the camera refused, but for refusals that a login on the same connection took back. */
      const refusals = new Map<number, number>();
      /** Those of them that nobody heard. */
      const feared = new Map<number, number>();
      /** Versions whose last login that ended was accepted: there one of several unheard refusals is counted. */
      const proven = new Set<number>();
      let version = 1;
      let open = 0;
      let connections: Connection[] = [];
      const add = (counts: Map<number, number>, of: number, count: number) =>
        counts.set(of, (counts.get(of) ?? 0) + count);
      const make = () =>
        new CameraGate(
          { clock, memory: latch },
          { camera: 'cam-1', maxConnections: 5, credentialVersion: version },
        );
      let one = make();
      const acquire = async () => {
        const askedOf = one;
        const permit = await askedOf.acquire(never);
        if (askedOf !== one) return;
        open += 1;
        connections.push({ permit, version, refusedHere: 0, sent: false });
      };
      /** The camera refuses what was sent, and nobody hears it. */
      const unheard = (held: Connection) => {
        const before = feared.get(held.version) ?? 0;
        if (held.sent) feared.set(held.version, proven.has(held.version) ? Math.max(1, before) : before + 1);
        held.sent = false;
      };
      const act = (held: Connection, now: Exclude<Step, { do: 'acquire' | 'version' | 'restart' }>) => {
        if (now.do === 'try') {
          held.permit.tryLogin().then(
            (leave) => {
              if (connections.includes(held)) held.sent = leave;
            },
            () => undefined,
          );
        } else if (now.do === 'release') {
          if (now.unheard) unheard(held);
          held.permit.release();
          connections = connections.filter((other) => other !== held);
          open -= 1;
        } else if (held.sent) {
          held.sent = false;
          if (now.do === 'unanswered') held.permit.loginUnanswered();
          if (now.do === 'refuse') {
            held.permit.loginRefused();
            held.refusedHere += 1;
            proven.delete(held.version);
            add(refusals, held.version, 1);
          }
          if (now.do === 'accept') {
            held.permit.loginAccepted();
            add(refusals, held.version, -held.refusedHere);
            feared.delete(held.version);
            held.refusedHere = 0;
            proven.add(held.version);
          }
        }
      };
      for (const now of steps) {
        if (now.do === 'acquire') {
          acquire().catch(() => undefined);
        } else if (now.do === 'version') {
          version = now.version;
          one.setCredentialVersion(version);
        } else if (now.do === 'restart') {
          for (const held of connections) unheard(held);
          one = make();
          connections = [];
          open = 0;
        } else {
          const held = connections[now.which % Math.max(1, connections.length)];
          if (held) act(held, now);
        }
        await new Promise((resolve) => setImmediate(resolve));
        if (open > 5) return false;
        for (const known of [1, 2, 3]) {
          const count = (refusals.get(known) ?? 0) + (feared.get(known) ?? 0);
          if (count > 3) return false;
          if (count === 3) latched += 1;
        }
      }
      return true;
    }),
    { numRuns: 300 },
  );
  t.ok(latched > 0, 'the runs did reach the latch');
});

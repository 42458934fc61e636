import fc from 'fast-check';
import t from 'tap';
import { CameraGate, type LatchCount } from '../../agent/camera/gate.ts';
import type { Permit } from '../../agent/camera/types.ts';
import { TestClock } from '../support/test-clock.ts';

const never = new AbortController().signal;

function memory(saved?: LatchCount) {
  return {
    saved,
    load() {
      return this.saved;
    },
    save(value: LatchCount) {
      this.saved = value;
    },
  };
}

function gate(options: { max?: number; version?: number; saved?: LatchCount; waitMs?: number } = {}) {
  const clock = new TestClock();
  const latch = memory(options.saved);
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
  t.equal(permit.refusalsLeft, 1);
  permit.release();
  one.setCredentialVersion(1);
  await t.rejects(one.acquire(never), { code: 'camera-latched' }, 'going back gives no new tries');
});

t.test('the count of refused logins survives a restart', async (t) => {
  const before = gate();
  await refuseOnce(before.gate);
  await refuseOnce(before.gate);
  t.same(before.latch.saved, { version: 1, refused: 2 });
  const after = gate(before.latch.saved ? { saved: before.latch.saved } : {});
  await refuseOnce(after.gate);
  await t.rejects(after.gate.acquire(never), { code: 'camera-latched' });
  const newer = gate({ version: 2, saved: { version: 1, refused: 3 } });
  t.equal((await newer.gate.acquire(never)).refusalsLeft, 1);
});

t.test('connections that log in at once share the tries that are left', async (t) => {
  const { gate: one } = gate({ saved: { version: 1, refused: 1 } });
  const first = await one.acquire(never);
  const second = await one.acquire(never);
  let third: Permit | undefined;
  const waiting = one.acquire(never).then((permit) => {
    third = permit;
  });
  await Promise.resolve();
  t.equal(third, undefined, 'the third waits for the outcome of the others');
  first.loginAccepted();
  await waiting;
  t.ok(third);
  second.release();
});

t.test('those who wait are told when the latch closes', async (t) => {
  const { gate: one } = gate({ saved: { version: 1, refused: 2 } });
  const permit = await one.acquire(never);
  const waiting = one.acquire(never);
  permit.loginRefused();
  await t.rejects(waiting, { code: 'camera-latched' });
  t.equal(permit.refusalsLeft, 0);
});

t.test(
  'a login that is accepted after a refusal on the same connection takes the refusal back',
  async (t) => {
    const { gate: one, latch } = gate();
    for (let i = 0; i < 10; i += 1) {
      const permit = await one.acquire(never);
      permit.loginRefused();
      permit.loginAccepted();
      permit.release();
    }
    t.same(latch.saved, { version: 1, refused: 0 });
  },
);

t.test(
  "an accepted login does not hide another connection's refusals, but forgives those of yesterday",
  async (t) => {
    const { gate: one, clock, latch } = gate();
    const accepted = async () => {
      const permit = await one.acquire(never);
      permit.loginAccepted();
      permit.release();
    };
    await refuseOnce(one);
    await accepted();
    await refuseOnce(one);
    await accepted();
    t.same(latch.saved, { version: 1, refused: 2 });
    await clock.advance(24 * 3600 * 1000);
    await accepted();
    t.same(latch.saved, { version: 1, refused: 0 });
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
  t.equal((await one.acquire(never)).refusalsLeft, 1);
  t.equal(latch.saved, undefined);
});

type Step =
  | { readonly do: 'acquire' }
  | { readonly do: 'refuse' | 'accept' | 'release'; readonly which: number }
  | { readonly do: 'version'; readonly version: number }
  | { readonly do: 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ do: 'acquire' } as const) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('refuse' as const, 'refuse' as const, 'accept' as const, 'release' as const),
      which: fc.nat(8),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('version' as const), version: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' } as const) },
);

t.test('whatever the order of events, a camera never sees a fourth refusal of a version', async (t) => {
  let latched = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
      const clock = new TestClock();
      const latch = memory();
      const refused = new Map<number, number>();
      let version = 1;
      let open = 0;
      const make = () =>
        new CameraGate(
          { clock, memory: latch },
          { camera: 'cam-1', maxConnections: 5, credentialVersion: version },
        );
      let one = make();
      let permits: { permit: Permit; version: number; refusedHere: number }[] = [];
      const acquire = async () => {
        const askedOf = one;
        const permit = await askedOf.acquire(never);
        if (askedOf !== one) return;
        open += 1;
        permits.push({ permit, version, refusedHere: 0 });
      };
      for (const now of steps) {
        if (now.do === 'acquire') {
          acquire().catch(() => undefined);
        } else if (now.do === 'version') {
          version = now.version;
          one.setCredentialVersion(version);
        } else if (now.do === 'restart') {
          one = make();
          permits = [];
          open = 0;
          for (const known of refused.keys()) if (known !== version) refused.delete(known);
        } else {
          const held = permits[now.which % Math.max(1, permits.length)];
          if (!held) continue;
          if (now.do === 'refuse' && held.permit.refusalsLeft > 0) {
            held.permit.loginRefused();
            held.refusedHere += 1;
            refused.set(held.version, (refused.get(held.version) ?? 0) + 1);
          } else if (now.do === 'accept') {
            const before = refused.get(held.version) ?? 0;
            held.permit.loginAccepted();
            if (before < 3) refused.set(held.version, before - held.refusedHere);
            held.refusedHere = 0;
          } else if (now.do === 'release') {
            held.permit.release();
            permits = permits.filter((other) => other !== held);
            open -= 1;
          }
        }
        await new Promise((resolve) => setImmediate(resolve));
        if (open > 5) return false;
        for (const count of refused.values()) {
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

import t from 'tap';
import { HOLDOVER_MS } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { ClockSource, parseTracking, synchronisedAtMs } from '../../agent/health/clock-source.ts';
import * as fc from '../support/properties.ts';
import { TestClock } from '../support/test-clock.ts';

const REFERENCE_S = 1_763_800_000;
const WALL_MS = REFERENCE_S * 1000 + 300_000;

/** As `chronyc -c -n tracking` of chrony 4.3 prints it. */
function tracking(changes: Record<number, string> = {}): string {
  const fields =
    `C0A80A01,192.168.10.1,3,${REFERENCE_S}.123456789,0.000012345,-0.000023456,0.000034567,12.345,0.001,0.045,0.001234567,0.000345678,64.5,Normal`.split(
      ',',
    );
  for (const [index, value] of Object.entries(changes)) fields[Number(index)] = value;
  return `${fields.join(',')}\n`;
}

t.test('chrony is synchronised while its reference is recent and from outside', async (t) => {
  const at = REFERENCE_S * 1000 + 123.456789;
  t.equal(parseTracking(tracking(), WALL_MS), at);
  t.equal(parseTracking(tracking({ 13: 'Insert second' }), WALL_MS), at);
  t.equal(parseTracking(tracking({ 13: 'Not synchronised' }), WALL_MS), undefined);
  t.equal(
    parseTracking(tracking({ 0: '7F7F0101', 1: '127.127.1.1', 2: '10' }), WALL_MS),
    undefined,
    'local mode',
  );
  t.equal(parseTracking(tracking({ 0: '00000000', 1: '', 2: '0', 3: '0.000000000' }), WALL_MS), undefined);
  t.equal(
    parseTracking(tracking(), WALL_MS + 3 * 3600 * 1000),
    undefined,
    'the server is gone for three hours',
  );
  t.equal(parseTracking('506 Cannot talk to daemon\n', WALL_MS), undefined);
  t.equal(parseTracking(tracking({ 4: '-3599.8' }), WALL_MS), undefined, 'it is still being put right');
  t.equal(parseTracking('', WALL_MS), undefined);
});

t.test(
  'whatever chronyc prints, it is read without an error and never as synchronised by chance',
  async (t) => {
    t.doesNotThrow(() =>
      fc.assert(fc.property(fc.string(), (text) => parseTracking(text, WALL_MS) === undefined)),
    );
  },
);

t.test('a host that is declared trusted is synchronised; a time service that is absent is not', async (t) => {
  const { signal } = new AbortController();
  t.equal(await synchronisedAtMs('host', WALL_MS, signal), WALL_MS);
  t.equal(await synchronisedAtMs('timesyncd', Date.UTC(2000, 0, 1), signal), undefined);
  t.equal(await synchronisedAtMs('chrony', Date.UTC(2000, 0, 1), signal), undefined);
});

t.test('the clock of the box is trusted, held over for a day on the monotonic clock, then not', async (t) => {
  const clock = new TestClock();
  let answer: number | undefined = WALL_MS;
  const log = createLog('error', { write: () => undefined });
  const source = new ClockSource({ clock, log, synchronisedAtMs: async () => answer }, 'chrony');
  t.equal(source.trust(), 'untrusted', 'nobody was asked yet');
  await source.start(new AbortController().signal);
  t.teardown(() => source.stop());
  t.equal(source.trust(), 'synced');
  answer = undefined;
  await clock.advance(60_000);
  t.equal(source.trust(), 'holdover');
  await clock.advance(HOLDOVER_MS - 120_000);
  t.equal(source.trust(), 'holdover');
  await clock.advance(60_000);
  t.equal(source.trust(), 'untrusted');
  answer = WALL_MS + HOLDOVER_MS;
  await clock.advance(5_000);
  t.equal(source.trust(), 'synced');
});

t.test('a clock that is set is believed no longer, until the service has compared it anew', async (t) => {
  for (const stepMs of [-3600_000, -50 * 365 * 24 * 3600_000, 3650 * 24 * 3600_000]) {
    const clock = new TestClock();
    let answer: number | undefined = 1;
    const log = createLog('error', { write: () => undefined });
    const source = new ClockSource({ clock, log, synchronisedAtMs: async () => answer }, 'chrony');
    await source.start(new AbortController().signal);
    clock.jumpWall(stepMs);
    t.equal(source.trust(), 'untrusted', 'at once');
    await clock.advance(5_000);
    t.equal(source.trust(), 'untrusted', 'what was compared before says nothing');
    clock.jumpWall(-stepMs);
    t.equal(source.trust(), 'holdover', 'it was set back');
    clock.jumpWall(stepMs);
    answer = 2;
    await clock.advance(5_000);
    t.equal(source.trust(), 'synced', 'compared anew');
    answer = undefined;
    await clock.advance(60_000);
    t.equal(source.trust(), 'holdover');
    clock.jumpWall(11_000);
    t.equal(source.trust(), 'untrusted', 'in holdover too');
    await source.stop();
  }
});

t.test('a host that is declared trusted is believed whatever its clock does', async (t) => {
  const clock = new TestClock();
  const log = createLog('error', { write: () => undefined });
  const source = new ClockSource({ clock, log, synchronisedAtMs }, 'host');
  await source.start(new AbortController().signal);
  t.teardown(() => source.stop());
  clock.jumpWall(-3600_000);
  t.equal(source.trust(), 'synced');
});

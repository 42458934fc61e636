import fc from 'fast-check';
import t from 'tap';
import { HOLDOVER_MS } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { ClockSource, isSynchronised, parseTracking } from '../../agent/health/clock-source.ts';
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
  t.equal(parseTracking(tracking(), WALL_MS), true);
  t.equal(parseTracking(tracking({ 13: 'Insert second' }), WALL_MS), true);
  t.equal(parseTracking(tracking({ 13: 'Not synchronised' }), WALL_MS), false);
  t.equal(
    parseTracking(tracking({ 0: '7F7F0101', 1: '127.127.1.1', 2: '10' }), WALL_MS),
    false,
    'local mode',
  );
  t.equal(parseTracking(tracking({ 0: '00000000', 1: '', 2: '0', 3: '0.000000000' }), WALL_MS), false);
  t.equal(parseTracking(tracking(), WALL_MS + 3 * 3600 * 1000), false, 'the server is gone for three hours');
  t.equal(parseTracking('506 Cannot talk to daemon\n', WALL_MS), false);
  t.equal(parseTracking('', WALL_MS), false);
});

t.test(
  'whatever chronyc prints, it is read without an error and never as synchronised by chance',
  async (t) => {
    t.doesNotThrow(() => fc.assert(fc.property(fc.string(), (text) => !parseTracking(text, WALL_MS))));
  },
);

t.test('a host that is declared trusted is synchronised; a time service that is absent is not', async (t) => {
  const signal = AbortSignal.timeout(5000);
  t.equal(await isSynchronised('host', WALL_MS, signal), true);
  t.equal(await isSynchronised('timesyncd', Date.UTC(2000, 0, 1), signal), false);
  t.equal(await isSynchronised('chrony', Date.UTC(2000, 0, 1), signal), false);
});

t.test('the clock of the box is trusted, held over for a day on the monotonic clock, then not', async (t) => {
  const clock = new TestClock();
  const answers = [true, ...Array<boolean>(3000).fill(false)];
  const log = createLog('error', { write: () => undefined });
  const source = new ClockSource({ clock, log, synchronised: async () => answers.shift() ?? true }, 'chrony');
  t.equal(source.trust(), 'untrusted', 'nobody was asked yet');
  await source.start(new AbortController().signal);
  t.teardown(() => source.stop());
  t.equal(source.trust(), 'synced');
  await clock.advance(60_000);
  t.equal(source.trust(), 'holdover');
  clock.jumpWall(-10 * HOLDOVER_MS);
  await clock.advance(HOLDOVER_MS - 120_000);
  t.equal(source.trust(), 'holdover');
  await clock.advance(60_000);
  t.equal(source.trust(), 'untrusted');
  answers.length = 0;
  await clock.advance(60_000);
  t.equal(source.trust(), 'synced');
});

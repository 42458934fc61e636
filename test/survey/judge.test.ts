import t from 'tap';
import type { Examination } from '../../agent/survey/examine.ts';
import { remarksOn, verdictOf } from '../../agent/survey/judge.ts';

const NOW_MS = Date.UTC(2026, 10, 22);
const DAY_MS = 86_400_000;
const STREAM = {
  ...{ codec: 'h264' as const, width: 1920, height: 1080, seconds: 10, fps: 25, kbps: 4000, gopFrames: 50 },
  ...{ lostPercent: 0, damaged: 0, jitterMs: 1 },
};
const PROFILE = { token: 'p', name: 'main', codec: 'h264' as const, width: 1920, height: 1080, fps: 25 };
const TLS = { protocol: 'TLSv1.3', sha256: 'ab', endsMs: NOW_MS + DAY_MS, selfIssued: true };

/** A camera that is as it ought to be, but for what is told. */
const seen = (more: Partial<Examination> = {}): Examination => ({
  ...{ host: '10.0.0.1', device: undefined, loginGiven: true, others: [], failures: [] },
  onvif: { port: 80, path: '/onvif/device_service', tls: false },
  clock: { offsetMs: 40, uncertaintyMs: 5 },
  identity: { manufacturer: 'M', model: 'M1', firmware: '1', serial: 'S' },
  offer: { services: ['events'], profiles: ['S', 'T', 'M'], topics: ['VideoSource/GlobalSceneChange'] },
  profiles: [{ ...PROFILE, hasAudio: false }],
  ...{ masks: { count: 1, sha256: 'cd' }, card: { recordings: 0, keptDays: undefined } },
  ...{ tls: TLS, stream: STREAM, streamTls: null },
  ...more,
});

const offer = (more: object) => ({ ...seen().offer, ...more }) as NonNullable<Examination['offer']>;

t.test('survey: a camera that lacks nothing is compatible, and every subject is spoken of', async (t) => {
  const remarks = remarksOn(seen(), NOW_MS);
  t.equal(verdictOf(remarks), 'compatible');
  t.same(
    remarks.map(({ about, weight, word }) => `${about} ${weight} ${word}`),
    [
      ...['access good login-good', 'profiles good profile-t', 'codec good codec-good'],
      ...['stream good stream-good', 'law good law-good', 'clock good clock-good', 'events good events-good'],
      ...['ptz note ptz-no', 'masks note masks-some', 'sound good sound-off', 'tls note tls-good'],
    ],
  );
  t.match(
    remarks.find(({ about }) => about === 'profiles'),
    { detail: 'M, S, T' },
  );
});

const failed = (step: Examination['failures'][number]['step'], code: string) =>
  ({ failures: [{ step, code, detail: 'x' }] }) as Partial<Examination>;

const CASES: readonly [what: Partial<Examination>, remark: string, verdict: string][] = [
  [{ offer: offer({ profiles: ['S'] }) }, 'profiles change profile-s S', 'after-changes'],
  [{ offer: offer({ profiles: ['G', 'M'] }) }, 'profiles note profile-none G, M', 'compatible'],
  [
    { profiles: [{ ...PROFILE, codec: 'other', hasAudio: false }] },
    'codec blocking codec-none ',
    'incompatible',
  ],
  [
    { ...failed('stream', 'camera-stalled'), stream: undefined },
    'stream blocking stream-failed camera-stalled',
    'incompatible',
  ],
  [{ stream: undefined }, 'stream open stream-unknown ', 'undecided'],
  [{ stream: { ...STREAM, fps: 12 } }, 'stream change rate-below 12 / 25', 'after-changes'],
  [{ stream: { ...STREAM, gopFrames: 250 } }, 'stream change gop-long 10', 'after-changes'],
  [{ stream: { ...STREAM, lostPercent: 3 } }, 'stream change stream-lossy 3', 'after-changes'],
  [{ stream: { ...STREAM, width: 640, height: 360 } }, 'law note law-some wide, traffic', 'compatible'],
  [{ stream: { ...STREAM, width: 320, height: 180 } }, 'law change law-none ', 'after-changes'],
  [{ clock: { offsetMs: 9000, uncertaintyMs: 5 } }, 'clock change clock-off 9', 'after-changes'],
  [{ clock: { offsetMs: -3_600_000, uncertaintyMs: 5 } }, 'clock change clock-zone -3600', 'after-changes'],
  [{ clock: undefined }, 'clock note clock-unknown ', 'compatible'],
  [{ offer: offer({ services: [] }) }, 'events note events-none ', 'compatible'],
  [{ offer: offer({ topics: ['Device/Trigger/DigitalInput'] }) }, 'events note events-plain 1', 'compatible'],
  [{ offer: offer({ services: ['events', 'ptz'] }) }, 'ptz note ptz-yes ', 'compatible'],
  [{ masks: null }, 'masks note masks-unverifiable ', 'compatible'],
  [{ masks: { count: 0, sha256: 'cd' } }, 'masks note masks-none 0', 'compatible'],
  [{ profiles: [{ ...PROFILE, hasAudio: true }] }, 'sound change sound-on 1', 'after-changes'],
  [{ card: { recordings: 2, keptDays: 7 } }, 'card note card-records 2', 'compatible'],
  [{ tls: null }, 'tls note tls-none ', 'compatible'],
  [{ tls: { ...TLS, endsMs: NOW_MS - 1 } }, 'tls change tls-old TLSv1.3', 'after-changes'],
  [{ streamTls: TLS }, 'stream good rtsps-good TLSv1.3, 2026-11-23, ab', 'compatible'],
  [failed('login', 'camera-insecure-login'), 'access change login-insecure ', 'after-changes'],
];

t.test('survey: each thing that is wrong or absent has its remark, its weight and its verdict', async (t) => {
  for (const [what, expected, verdict] of CASES) {
    const remarks = remarksOn(seen(what), NOW_MS);
    const said = remarks.map(({ about, weight, word, detail }) => `${about} ${weight} ${word} ${detail}`);
    t.ok(said.includes(expected), `${expected}: ${said.join('; ')}`);
    t.equal(verdictOf(remarks), verdict, expected);
  }
});

import t from 'tap';
import { statusTable } from '../../agent/cli/status-table.ts';
import type { StatusSnapshot } from '../../agent/contract/status.ts';

const CAMERA: StatusSnapshot['cameras'][number] = {
  camera: 'cam-parvis',
  name: 'Parvis de la mairie',
  state: 'ok',
  cause: 'none',
  side: 'none',
  detail: '',
  since: 1,
  fps: 15,
  kbps: 409.6,
  forwardedBytes: 1_234_567,
  codec: 'h264',
  width: 640,
  height: 360,
};
const SNAPSHOT: StatusSnapshot = {
  site: '57463-mairie',
  software: '0.1.0',
  wallMs: 2,
  upSinceMs: 1,
  clock: 'synced',
  link: {
    connected: true,
    since: 1,
    cause: 'none',
    detail: '',
    outboxPending: 1,
    session: 1,
    confirmation: 'receipt',
    path: 'main',
    backup: 'none',
  },
  config: { appliedVersion: 3, phase: 'applied', detail: '' },
  video: { running: true, brokerConnected: true },
  storageDurable: true,
  ordersRefused: 2,
  cameras: [
    CAMERA,
    {
      ...CAMERA,
      name: 'École',
      state: 'down',
      cause: 'camera-port-closed',
      detail: '10.0.0.7 refuses the stream port 554',
    },
  ],
  channels: [],
  alarms: [
    {
      point: 'pt-porte',
      name: 'Porte',
      state: 'raised',
      alarmState: 'raised',
      alarm: 'a-1',
      shelved: false,
      armed: true,
      severity: 'major',
      since: 0,
      occurrences: 1,
    },
  ],
};

t.test('status: the table says how the box, its cameras and its points are', async (t) => {
  t.equal(
    statusTable(SNAPSHOT, { language: 'en', colour: false }),
    `Box 57463-mairie · 0.1.0 · link up with receipts · configuration v3 applied
video running · clock synced · 1 event waiting · 2 orders refused

Camera               State   fps  kbit/s  Forwarded  Format
Parvis de la mairie  ok     15.0     410     1.2 MB  h264 640x360
École                down   15.0     410     1.2 MB  h264 640x360
  └ camera-port-closed: 10.0.0.7 refuses the stream port 554

Point  State  Severity  Since  Times
Porte  ALARM  major                1`,
  );
});

t.test('status: in French a cause is told in French, not by the detail of the program', async (t) => {
  const table = statusTable(SNAPSHOT, { language: 'fr', colour: false });
  t.match(table, 'Collecteur 57463-mairie');
  t.match(table, '1 événement en attente · 2 ordres refusés');
  t.match(table, /École +en panne .*1,2 Mo.*\n {2}└ camera-port-closed : /);
  t.notMatch(table, 'refuses the stream port');
});

t.test(
  'status: whose side a fault is on stands behind its cause, with the segment that explains it',
  async (t) => {
    const fault = {
      state: 'down',
      cause: 'camera-unreachable',
      side: 'local-network',
      consequenceOf: 'seg-halle',
    } as const;
    const snapshot = { ...SNAPSHOT, cameras: [{ ...CAMERA, ...fault, detail: 'no answer' }] };
    const told = (language: 'fr' | 'en') => statusTable(snapshot, { language, colour: false });
    t.match(told('fr'), /└ camera-unreachable : .* \[côté réseau local seg-halle\]\n/);
    t.match(told('en'), /└ camera-unreachable: no answer \[the local network's side seg-halle\]\n/);
  },
);

t.test('status: a box without link, disk or video says so', async (t) => {
  const table = statusTable(
    {
      ...SNAPSHOT,
      link: { ...SNAPSHOT.link, connected: false, cause: 'broker-unreachable', detail: 'no answer' },
      video: { running: true, brokerConnected: false },
      storageDurable: false,
      cameras: [],
    },
    { language: 'en', colour: false },
  );
  t.match(table, /link down .*\nvideo stopped .*\nDISK UNAVAILABLE\n {2}└ broker-unreachable: no answer/);
  t.match(table, 'no camera in the configuration');
});

t.test('status: colour moves no column', async (t) => {
  const coloured = statusTable(SNAPSHOT, { language: 'en', colour: true });
  t.match(coloured, '\u001b[31mdown\u001b[0m');
  const plain = coloured.replaceAll(/\u001b\[\d+m/g, '');
  t.equal(plain, statusTable(SNAPSHOT, { language: 'en', colour: false }));
});

t.test('status: what an operator has done about an alarm, or has to do, stands beside it', async (t) => {
  const [alarm] = SNAPSHOT.alarms;
  const table = (change: object, language: 'fr' | 'en') =>
    statusTable({ ...SNAPSHOT, alarms: alarm ? [{ ...alarm, ...change }] : [] }, { language, colour: false });
  t.match(table({ alarmState: 'acknowledged' }, 'en'), /Porte +ALARM, acknowledged +major/);
  t.match(table({ state: 'cleared', alarmState: 'cleared' }, 'fr'), /Porte +repos, à acquitter +majeure/);
  t.match(table({ shelved: true }, 'en'), /Porte +ALARM, shelved +major/);
});

t.test('status: whoever may see a camera now is named, with the end', async (t) => {
  const until = new Date(2026, 10, 22, 14, 30).getTime();
  const channel = { camera: 'cam-hall', operator: 'c.weber', recipient: 'dipn' as const, reason: 'safety' };
  const table = statusTable(
    {
      ...SNAPSHOT,
      channels: [{ channel: 'x', kind: 'lease', ...channel, since: 1, until, bytes: 2e6, frames: 25 }],
    },
    { language: 'fr', colour: false },
  );
  t.match(table, /Canal ouvert +Caméra +Opérateur +Pour +Jusqu'à +Transmis/);
  t.match(table, /Bail +cam-hall +c\.weber +DIPN +2026-11-22 14:30:00 +2,0 Mo/);
});

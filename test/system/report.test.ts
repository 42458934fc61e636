import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { dayEndMs, dayStartMs, daysOfMonth, monthBefore } from '../../agent/base/days.ts';
import { localDate } from '../../agent/base/schedule.ts';
import { commandTopic } from '../../agent/contract/topics.ts';
import { signCommand } from '../../provisioning/sign.ts';
import { clip } from '../support/clips.ts';
import { configurationOf, Scene, SITE, simulatedCamera } from '../support/scene.ts';
import { until } from '../support/until.ts';
import { inArchive, receiver } from './receiving.ts';

interface Report {
  readonly subject: string;
  readonly complete: boolean;
  readonly from: string;
  readonly available_s: number;
  readonly incidents: number;
  readonly breaches: number;
  readonly down_camera_s: number;
  readonly planned_s: number;
  readonly connected_max?: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Law {
  readonly state: string;
  readonly sound: string;
  readonly masks: string;
}

interface Alarm {
  readonly alarm: string;
  readonly transition: string;
}

interface Quality {
  readonly label: string;
  readonly boot: number;
  readonly hour: number;
  readonly watched_s: number;
}

interface Health {
  readonly state: string;
  readonly found?: string;
  readonly cause: string;
}

/** Begin and watched time of the hour that runs, as the stopped agent has left it. */
function keptHour(state: string): readonly [hour: number, watchedMs: number] {
  const db = new DatabaseSync(join(state, 'beffroi.db'), { readOnly: true });
  const row = db.prepare("SELECT value FROM memory WHERE room = 'quality'").get();
  db.close();
  const [hour, watchedMs] = JSON.parse(String(row?.value ?? '{}'))['cam-quai'] ?? [Number.NaN, 0];
  return [hour, watchedMs];
}

/** The stopped box was off over the end of a month, of which it saw its camera well for two days and down for an hour. */
function sawLastMonth(state: string): string {
  const month = monthBefore(Date.now() - 600_000);
  const { from, to } = daysOfMonth(month);
  const fromMs = dayStartMs(from);
  const db = new DatabaseSync(join(state, 'beffroi.db'));
  const say = db.prepare("INSERT OR REPLACE INTO memory VALUES ('report-published', 'month', ?)");
  say.run(monthBefore(fromMs));
  const saw = db.prepare("INSERT INTO span VALUES (?, 'health', ?, ?, ?, ?, ?, '', -1)");
  const downMs = fromMs + 2 * DAY_MS;
  for (const subject of ['cam-quai', 'collector']) saw.run(subject, fromMs, downMs, 'ok', 'none', 'none');
  saw.run('cam-quai', downMs, downMs + HOUR_MS, 'down', 'camera-unreachable', 'camera');
  saw.run('cam-quai', downMs + HOUR_MS, dayEndMs(to), 'ok', 'none', 'none');
  db.close();
  return from;
}

/** The reports that the centre has stored. */
function reportsIn(archive: string): Report[] {
  return inArchive<Report>(archive, '/report/availability');
}

t.test(
  'system: the box keeps how available its camera was, through a kill, and reports it on order and by hand',
  async (t) => {
    const scene = await Scene.create(t);
    const { csu, box, centre } = scene;
    const camera = await simulatedCamera(t, [], clip('h264-small'), { audioTrack: false });
    const { cameras } = configurationOf(camera) as { cameras: object[] };
    const authorisation = { reference: 'DDSP57-2026-0412', until: '2031-06-30' };
    const configured = (law: object, enabled = true) => ({
      cameras: cameras.map((one) => ({
        ...{ ...one, enabled, place: 'Quai Paul Vautrin' },
        law: { authorisation, ...law },
      })),
      points: [
        { id: 'pt-loi', name: 'Profil légal', kind: 'camera-health', camera: 'cam-quai', from: 'degraded' },
      ],
      reports: { targets: { cameraAvailabilityPercent: 99.5, repairH: 48 } },
      delivery: { confirm: 'receipt', resendAfterS: 2 },
    });
    const archive = join(scene.folder, 'archive.db');
    const centreHears = receiver(t, { scene, archive });
    box.start();
    await scene.push(configured({}));
    const isNow = (state: string) =>
      box.until(`the camera ${state}`, (status) => status.cameras[0]?.state === state);
    const order = async (
      command: 'report.publish' | 'maintenance.announce' | 'health.confirm' | 'alarm.acknowledge',
      words: object,
      end = 'successful',
    ) => {
      const signed = await signCommand(centre.csu, { site: SITE, command, ...words });
      await csu.publish(commandTopic(SITE), signed.jws);
      return await csu.until(`${command} done`, () =>
        csu
          .json<{ command_id: string; status: string; detail: string; cause: string }>('/event/command')
          .find((told) => told.command_id === signed.id && told.status === end),
      );
    };
    const reported = async () => {
      const today = localDate(Date.now());
      const before = csu.json<Report>('/cam-quai/report/availability').length;
      await order('report.publish', { from: today, to: today });
      return await csu.until(
        'the report',
        () => csu.json<Report>('/cam-quai/report/availability').slice(before)[0],
      );
    };
    const lawOf = (is: (law: Law) => boolean) => csu.json<Law>('/cam-quai/state/law').find(is);
    await isNow('ok');
    const first = await reported();
    t.match(first, { subject: 'cam-quai', incidents: 0, planned_s: 0 });
    const law = await csu.until('the law by ONVIF', () => lawOf(({ sound }) => sound === 'ok'));
    t.match(law, { authorisation: 'ok', authorisation_until: '2031-06-30', resolution: 'not-asked' });
    await scene.push(configured({ role: 'narrow', masksSha256: '0'.repeat(64) }));
    const breach = await csu.until('the breach', () =>
      lawOf(({ state, masks }) => state === 'breach' && masks === 'not-verifiable'),
    );
    t.match(breach, { resolution: 'breach', width: 320, min_width: 704 }, 'by the stream, not as declared');
    const degraded = await csu.until('the health', () =>
      csu.json<Health>('/cam-quai/state/health').find(({ cause }) => cause === 'camera-law-breach'),
    );
    t.match(degraded, { state: 'degraded', side: 'camera' });
    const raised = await csu.until('the alarm', () => csu.json<Alarm>('/pt-loi/event/alarm')[0]);
    t.match(raised, { transition: 'raised', cause: 'camera-law-breach', camera: 'cam-quai' });
    await order('alarm.acknowledge', { alarm: raised.alarm, by: 'Op 1' });
    const known = ({ transition }: Alarm) => transition === 'acknowledged';
    await csu.until('its life', () => csu.json<Alarm>('/pt-loi/event/alarm').find(known));
    t.match(
      await csu.until('the quality', () => csu.json<Quality>('/cam-quai/state/quality')[0]),
      { label: 'unmeasured', complete: false },
      'nothing is said of an hour by its first second',
    );
    t.match(breach, { side: 'camera', sound: 'ok', sound_by: 'profiles' });
    t.equal(await box.stop(), 0);
    const [hour, watchedMs] = keptHour(join(scene.folder, 'state'));
    const lastMonth = sawLastMonth(join(scene.folder, 'state'));
    const boots = csu.json<Quality>('/cam-quai/state/quality').map(({ boot }) => boot);
    box.start();
    const goesOn = await csu.until('the hour of the second start', () =>
      csu.json<Quality>('/cam-quai/state/quality').find(({ boot }) => !boots.includes(boot)),
    );
    const isOver = Date.now() >= hour + HOUR_MS;
    if (watchedMs > 0 && !isOver) t.equal(goesOn.hour, hour, 'the hour goes on over the restart');
    t.ok(isOver || goesOn.watched_s >= Math.floor(watchedMs / 1000), 'with all that was counted of it');
    await isNow('degraded');
    const month = await csu.until('the monthly report', () =>
      csu.json<Report>('/cam-quai/report/availability').find(({ complete }) => complete),
    );
    t.match(month, { from: lastMonth, incidents: 1, down_camera_s: 3600 }, 'of itself, once it is over');
    await centreHears.said(new RegExp(`"subject":"cam-quai".*"from":"${lastMonth}"`));
    await camera.stop();
    await isNow('down');
    const second = await reported();
    t.match(second, { incidents: 1, breaches: 1 }, 'the restart made no second breach of it');
    await box.kill();
    box.start();
    await isNow('down');
    await box.until('the link', ({ link }) => link.connected);
    await order('maintenance.announce', {
      ...{ cameras: ['cam-quai'], by: 'Atelier 3', why: 'remplacement' },
      start: Math.floor(Date.now() / 1000) - 3600,
      end: Math.floor(Date.now() / 1000) + 3600,
    });
    await csu.until('the window', () =>
      csu.json<{ transition: string }>('/event/window').find(({ transition }) => transition === 'begun'),
    );
    const third = await reported();
    t.match(third, { incidents: 1 }, 'it was down before the work was announced');
    t.equal(third.available_s, second.available_s, 'what was known before the kill is known');
    t.ok(third.planned_s < 3600, 'no work is announced afterwards');
    const found = (state: string) => (told: Health) => told.state === 'maintenance' && told.found === state;
    await csu.until('the work', () => csu.json<Health>('/cam-quai/state/health').find(found('down')));
    await scene.push(configured({}));
    await camera.start();
    await csu.until('the repair', () => csu.json<Health>('/cam-quai/state/health').find(found('ok')));
    const confirmed = await order('health.confirm', { camera: 'cam-quai', by: 'Atelier 3' });
    t.match(confirmed.detail, /^before: down \(camera-[a-z-]+\) from 20\S+Z to 20\S+Z; now: cam-quai is ok/);
    t.match(csu.json<Health>('/cam-quai/state/health').at(-1), { state: 'maintenance', found: 'ok' });
    await scene.push(configured({}, false));
    await isNow('disabled');
    await csu.until('nobody pulls it', () => camera.rtsp.openConnections === 0);
    const refused = await order('health.confirm', { camera: 'cam-quai', by: 'Atelier 3' }, 'failed');
    t.match(refused, { cause: 'camera-disabled' });
    t.match(await reported(), { incidents: 1 });
    const site = csu.json<Report>('/collector/report/availability').at(-1);
    t.match(site, { subject: 'collector', places: 1, target_camera_percent: 99.5, target_repair_h: 48 });

    const told = new Set(csu.json<{ id: string }>('/cam-quai/report/availability').map(({ id }) => id));
    const ofCamera = () => reportsIn(archive).filter(({ subject }) => subject === 'cam-quai');
    await until(() => ofCamera().length === told.size);
    await box.until('every receipt', ({ link }) => link.outboxPending === 0);
    t.ok(told.size >= 4 && ofCamera().length === told.size, 'the centre has stored each report once');
    await centreHears.said(/report.availability.*"subject":"cam-quai"/);
    await box.stop();
    const out = join(scene.folder, 'rapports');
    await mkdir(out);
    const today = localDate(Date.now());
    const write = () => box.command('report', '--from', today, '--to', today, '--out', out);
    const [written, again] = await Promise.all([write(), write()]);
    t.same(again, written, 'two at once do not disturb each other');
    t.match(written, { code: 0, errors: '' }, 'also while the agent is down');
    const files = await readdir(out);
    t.same(files.length, 6);
    t.same(written.output.trim().split('\n').sort(), files.map((name) => join(out, name)).sort());
    const read = (end: string) => readFile(join(out, files.find((name) => name.endsWith(end)) ?? ''), 'utf8');
    const page = await read('.md');
    t.match(page, /Quai Paul Vautrin \| Quai \(cam-quai\) \| commune \| DDSP57-2026-0412 \| 30\/06\/2031/);
    t.match(page, /≥ 99,50 %/);
    t.match(page, /\| remplacement \| Atelier 3 \|/);
    t.match(page, /La caméra/);
    t.match(await read('-incidents.csv'), /^\uFEFFelement;.*\r\ncam-quai;Quai;.*camera-/);
    t.match(await read('-jours.csv'), new RegExp(`${today};1;\\d;[0-9a-f]{64};`));
    for (const wrong of [['--month', '2026-13'], [], ['--from', '2026-02-30', '--to', '2026-03-01']])
      t.match(await box.command('report', ...wrong), { code: 2 });
    const report = (...words: string[]) => box.command('report', '--out', out, ...words);
    const [early, future, unwritable] = await Promise.all([
      report('--month', '2001-01'),
      report('--month', '2100-01'),
      box.command('report', '--month', '2001-01', '--out', '/proc/none'),
    ]);
    t.match(early, { code: 1, errors: /Rien n'est connu|Nothing is known/ });
    const nothing = await readFile(join(out, `rapport-${SITE}-2001-01.md`), 'utf8');
    t.match(nothing, /Rien n'est connu de cette période/);
    t.notMatch(nothing, /1970/);
    t.match(future, { code: 2, errors: /a period that has begun/ });
    t.match(unwritable, { code: 1, errors: /report-unwritable/ });
    const database = join(scene.folder, 'state', 'beffroi.db');
    for (const end of ['-wal', '-shm']) await rm(`${database}${end}`, { force: true });
    await writeFile(database, 'no database'.repeat(1_000));
    const damaged = await report('--month', '2001-01');
    t.match(damaged, { code: 1, errors: /store-damaged/ }, 'said as what it is');
    t.notMatch(damaged.errors, /\n\s+at /);
    await rm(database);
    t.match(await report('--from', today, '--to', today), {
      code: 1,
      errors: /Rien n'est connu|Nothing is known/,
    });
  },
);

import { join } from 'node:path';
import t from 'tap';
import type { AlarmEvent } from '../../agent/contract/messages.ts';
import { commandTopic } from '../../agent/contract/topics.ts';
import { signCommand } from '../../provisioning/sign.ts';
import { Running } from '../provisioning/processes.ts';
import { SITE } from '../support/scene.ts';
import { begin, receiver } from './receiving.ts';

const LAUNCHER = join(import.meta.dirname, '../../agent/beffroi');
const WHO = { by: 'Opérateur 12', why: 'agent sur place' };

interface Told extends AlarmEvent {
  readonly fate: string;
  readonly fate_ts?: number;
}

t.test(
  'system: beffroi alarms lists, follows and tells an alarm, also while the agent is down',
  async (t) => {
    const receiving = await begin(t);
    const { scene, camera } = receiving;
    const { box, csu, centre } = scene;
    const show = async (target: string) => {
      const { output } = await box.command('alarms', 'show', target, '--json');
      return JSON.parse(output) as { point: Record<string, unknown>; events: Told[] };
    };
    const fateOf = async (transition: string, fate: string) => {
      for (;;) {
        const { events } = await show('pt-input-1');
        if (events.find((event) => event.transition === transition)?.fate === fate) return;
      }
    };
    const rest = await box.command('alarms');
    t.match(rest, { code: 0, errors: '' });
    t.match(
      rest.output,
      /^Collecteur 57463-mairie · agent en marche · 0 alarme en cours, 2 points\n\naucune/,
    );
    const follower = new Running(t, LAUNCHER, [
      'alarms',
      '--follow',
      '--config',
      box.boxFile,
      '--lang',
      'fr',
    ]);
    await follower.said(/aucune alarme en cours/);

    camera.setInput('input-1', true);
    await csu.until('the alarm', () => csu.json('/event/alarm').length > 0);
    const { alarm } = csu.json<AlarmEvent>('/event/alarm')[0] ?? { alarm: '' };
    await fateOf('raised', 'sent');
    await follower.said(/input-1 \(pt-input-1\) {2}levée · majeure · cam-quai/);
    const listed = await box.command('alarms');
    t.equal(listed.code, 1);
    t.match(
      listed.output,
      /input-1 +majeure +ALARME, à acquitter +20\d\d-.* 1\n {2}└ pt-input-1 · entrée de/,
    );

    const order = { site: SITE, command: 'alarm.acknowledge', alarm, ...WHO } as const;
    await csu.publish(commandTopic(SITE), (await signCommand(centre.csu, order)).jws);
    await follower.said(/acquittée · majeure · Opérateur 12/);
    const running = receiver(t, receiving);
    for (const transition of ['raised', 'acknowledged']) await fateOf(transition, 'receipt');
    await running.end('SIGTERM');
    await box.kill();

    const down = await box.command('alarms', '--lang', 'en');
    t.match(down, { code: 1, output: /no agent runs: last known state · 1 current alarm, 2 points/ });
    t.match(down.output, /ALARM, acknowledged[^\n]+\n[^\n]+\n {2}└ acknowledged by Opérateur 12/);
    const { events, point } = await show(alarm.slice(0, 8));
    t.match(point, { point: 'pt-input-1', alarm_state: 'acknowledged', acknowledged_by: WHO.by });
    t.match(events, [
      {
        transition: 'raised',
        alarm,
        source: 'cam-quai',
        severity: 'major',
        fate: 'receipt',
        fate_ts: Number,
      },
      { transition: 'acknowledged', alarm, ...WHO, signer: /^./, fate: 'receipt' },
    ]);
    const story = await box.command('alarms', 'show', 'pt-input-1');
    t.match(
      story.output,
      /^input-1 \(pt-input-1\)\nentrée de caméra · majeure · commune · cam-quai\nALARME, acq/,
    );
    t.match(story.output, new RegExp(`\\nAlarme ${alarm}\\n20\\S+ \\S+ +levée +cam-quai +reçu signé 20`));
    t.match(story.output, /acquittée +Opérateur 12 +reçu signé .*\n {2}└ agent sur place · clé \S{8}\n/);

    box.start();
    camera.setInput('input-1', false);
    await csu.until('the end', () =>
      csu.json('/event/alarm').some(({ transition }) => transition === 'closed'),
    );
    await follower.said(/input-1\) {2}close/);
    t.same(
      (await show('pt-input-1')).events.map(({ transition }) => transition),
      ['raised', 'acknowledged', 'cleared', 'closed'],
      'one story over the restart',
    );
    for (const words of [['show'], ['show', 'pt-none'], ['show', 'zzzzzzzz'], ['show', 'ab'], ['hide', 'x']])
      t.match(await box.command('alarms', ...words), { code: 2, output: '', errors: /command-line-invalid/ });
    await follower.end('SIGINT');
  },
);

import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { seededRandom } from '../support/camera/random.ts';
import { type Call, Dialler } from '../support/dialler.ts';
import { freePort } from '../support/port.ts';
import { Scene } from '../support/scene.ts';
import { SEED } from '../support/seed.ts';

const KEY = '00112233445566778899AABBCCDDEEFF';
const KILLS = 10;

interface AlarmMessage {
  id: string;
  point: string;
  transition: 'raised' | 'cleared';
  source_ts: number;
}

function configuration(port: number): object {
  const panel = { panel: 'panel-mairie', account: '12345A' };
  return {
    panels: [
      {
        id: 'panel-mairie',
        name: 'Centrale de la mairie',
        listen: { host: '127.0.0.1', port },
        accounts: [{ account: '12345A', supervisionS: 600, key: { text: KEY } }],
      },
    ],
    points: [
      { id: 'pt-zone', name: 'Salle des serveurs', kind: 'panel-zone', ...panel, zone: '5' },
      { id: 'pt-centrale', name: 'Centrale', kind: 'panel-silence', ...panel },
    ],
  };
}

t.test(
  'system: an alarm of a panel arrives at the CSU; killed before its ACK, the panel repeats and nothing is lost',
  async (t) => {
    const scene = await Scene.create(t);
    const { box, csu } = scene;
    const port = await freePort();
    const dialler = new Dialler(t, port);
    box.start();
    await scene.push(configuration(port));
    const call: Call = { token: 'SIA-DCS', account: '12345A', key: KEY, wait: 1 };
    const alarm = (n: number): Call => ({
      ...call,
      sequence: String(n).padStart(4, '0'),
      data: `#12345A|Nri1/${n % 2 ? 'BA' : 'BH'}5`,
    });
    const events = () => csu.json<AlarmMessage>('/event/alarm').filter(({ point }) => point === 'pt-zone');
    const told = await dialler.deliver(alarm(1));
    t.match(told.answer, /^"\*ACK"0001R0L0#12345A\[/);
    await csu.until('the alarm', () => events().length === 1);
    t.match(events()[0], {
      kind: 'panel-zone',
      source: 'panel-mairie',
      transition: 'raised',
      severity: 'critical',
      category: 'intrusion',
      zone: '5',
      code_sia: 'BA',
    });
    await csu.until('its state', () => csu.json('/pt-zone/state/alarm-current').at(-1)?.state === 'raised');
    t.match(await box.status(), {
      alarms: [{ point: 'pt-zone', state: 'raised', severity: 'critical' }, {}],
    });
    t.notMatch(await box.lastLog(), new RegExp(KEY, 'i'), 'the key is in no log');

    const random = seededRandom(SEED);
    for (let n = 2; n < 2 + KILLS; n += 1) {
      const killed = delay(Math.round(random() * 40)).then(() => box.kill());
      const first = await dialler.call(alarm(n));
      await killed;
      box.start();
      if (first.answer === null) await dialler.deliver(alarm(n));
      await csu.until(`message ${n} at the CSU`, () => distinct(events()).length >= n);
    }
    t.same(
      distinct(events()).map(({ transition }) => transition),
      Array.from({ length: 1 + KILLS }, (_, n) => (n % 2 ? 'cleared' : 'raised')),
      'every acknowledged message, in order, none invented',
    );
  },
);

function distinct(events: readonly AlarmMessage[]): AlarmMessage[] {
  return [...new Map(events.map((event) => [event.id, event])).values()];
}

import t from 'tap';
import { type Clock, systemClock } from '../../../agent/base/clock.ts';
import { EventPace } from '../../../agent/camera/onvif/event-pace.ts';
import {
  grantedMs,
  isActive,
  type OnvifEvent,
  readEvents,
} from '../../../agent/camera/onvif/notification.ts';
import { renewAfterMs } from '../../../agent/camera/onvif/pull-point.ts';
import { parseXml } from '../../../agent/camera/onvif/xml.ts';
import { freePort } from '../../support/port.ts';
import * as fc from '../../support/properties.ts';
import { type ForeignSettings, type ForeignStats, foreignCamera } from './foreign-camera.ts';
import { cameraAt, captured, credentials, never, serve, soap, soapFault, type Teardown } from './support.ts';

t.jobs = 4;

/** One run of events against a foreign camera, with what it brought. */
async function listen(t: Teardown, settings: ForeignSettings, clock = systemClock) {
  const foreign = await foreignCamera(t, settings);
  const { camera } = cameraAt(foreign.port, { credentials }, clock);
  const abort = new AbortController();
  const events: OnvifEvent[] = [];
  const waiting: { count: number; wake: () => void }[] = [];
  const up = Promise.withResolvers<void>();
  const run = camera.events(
    {
      subscribed: () => up.resolve(),
      event: (event) => {
        events.push(event);
        for (const one of waiting) if (events.length >= one.count) one.wake();
      },
    },
    abort.signal,
  );
  run.catch(() => undefined);
  await Promise.race([up.promise, run]);
  const have = (count: number) =>
    events.length >= count
      ? Promise.resolve()
      : new Promise<void>((wake) => {
          waiting.push({ count, wake });
        });
  /** Waits until the camera has seen something; fails when the run ends before. */
  const sees = async (what: (stats: ForeignStats) => boolean) => {
    const ended = run.then(() => Promise.reject(new Error('the run ended')));
    ended.catch(() => undefined);
    while (!what(await Promise.race([foreign.stats(), ended]))) {
      await Promise.race([new Promise((wake) => setTimeout(wake, 100)), ended]);
    }
  };
  return { foreign, camera, abort, events, have, sees, run };
}

t.test('a foreign camera delivers its state and its events', async (t) => {
  const beganMs = Date.now();
  const { foreign, events, have, abort, run } = await listen(t, { auth: 'md5' });
  await have(1);
  await foreign.order('/event?topic=onv:Device/Trigger/DigitalInput/&state=true');
  await have(2);
  await foreign.order('/event?topic=onv:Device/Trigger/DigitalInput&state=false');
  await have(3);
  abort.abort(new Error('stop'));
  await run;
  t.same(
    events.map(({ topic, operation, source, data }) => [
      topic,
      operation,
      source.InputToken,
      data.LogicalState,
    ]),
    [
      ['tns1:Device/Trigger/DigitalInput', 'Initialized', 'DI_0', 'false'],
      ['tns1:Device/Trigger/DigitalInput', 'Changed', 'DI_0', 'true'],
      ['tns1:Device/Trigger/DigitalInput', 'Changed', 'DI_0', 'false'],
    ],
  );
  const [{ utcTimeMs: firstMs = 0 } = {}] = events;
  // The camera writes whole seconds.
  t.ok(firstMs >= beganMs - 1_000 && firstMs <= Date.now(), String(firstMs));
  const stats = await foreign.stats();
  t.same(stats.problems, [], 'actions, To and reference parameters are as the camera wants them');
  t.notOk(stats.calls.includes('Unsubscribe'));
  t.match(stats, { refused: 0, most_open: 1 });
});

t.test('the clock of the camera is looked at before anything is subscribed', async (t) => {
  const { foreign, have, abort, run } = await listen(t, { auth: 'none', skew: 7_200 });
  await have(1);
  abort.abort();
  await run;
  const { calls } = await foreign.stats();
  const at = (call: string) => calls.indexOf(call);
  t.ok(at('GetSystemDateAndTime') >= 0);
  t.ok(at('GetSystemDateAndTime') < at('CreatePullPointSubscription'), calls.join(' '));
});

t.test('a pause leaves the subscription where it is: what happens meanwhile is heard after it', async (t) => {
  const foreign = await foreignCamera(t, { auth: 'md5' });
  const { camera } = cameraAt(foreign.port, { credentials });
  const heard: string[] = [];
  const untilHeard = async (count: number) => {
    const abort = new AbortController();
    const event = ({ operation, data }: OnvifEvent) => {
      heard.push(`${operation} ${data.LogicalState}`);
      if (heard.length >= count) abort.abort();
    };
    await camera.events({ subscribed: () => undefined, event }, abort.signal);
  };
  await untilHeard(1);
  await foreign.order('/event?topic=onv:Device/Trigger/DigitalInput&state=true');
  await foreign.order('/event?topic=onv:Device/Trigger/DigitalInput&state=false');
  await untilHeard(4);
  t.same(heard, ['Initialized false', 'Changed true', 'Changed false', 'Initialized false']);
  const { calls, problems } = await foreign.stats();
  const created = calls.filter((call) => call === 'CreatePullPointSubscription');
  t.equal(created.length, 2, 'one subscription, with its login');
  t.notOk(calls.includes('Unsubscribe'));
  t.same(problems, []);
});

t.test(
  'a camera that misreads relative times is asked in its own clock, and from then on always',
  async (t) => {
    const { foreign, have, abort, run, camera } = await listen(t, { auth: 'none', misread: 3, skew: -5_000 });
    await have(1);
    abort.abort();
    await run;
    await foreign.order('/forget');
    const again = new AbortController();
    await camera.events({ subscribed: () => again.abort(), event: () => undefined }, again.signal);
    const { calls, problems } = await foreign.stats();
    t.same(
      calls.filter((call) => /Create|Unsubscribe/.test(call)),
      [
        'CreatePullPointSubscription',
        'Unsubscribe',
        'CreatePullPointSubscription',
        'CreatePullPointSubscription',
      ],
    );
    t.same(problems, []);
  },
);

/** A clock that the test puts forward. */
function movable(): { readonly clock: Clock; readonly forward: (ms: number) => void } {
  let aheadMs = 0;
  const clock: Clock = {
    wallMs: () => systemClock.wallMs() + aheadMs,
    monotonicMs: () => systemClock.monotonicMs() + aheadMs,
    sleep: systemClock.sleep,
  };
  const forward = (ms: number) => {
    aheadMs += ms;
  };
  return { clock, forward };
}

t.test('a subscription outlives what the camera grants by being renewed in time', async (t) => {
  const { clock, forward } = movable();
  const settings = { auth: 'token', grant: 100, window: 1_000 } as const;
  const { foreign, events, have, sees, abort, run } = await listen(t, settings, clock);
  await have(1);
  const topic = 'onv:VideoSource/ImageTooDark/ImagingService';
  const created = async () => {
    const { calls } = await foreign.stats();
    return calls.filter((call) => call === 'CreatePullPointSubscription').length;
  };
  const before = await created();
  for (const renewed of [1, 2, 3]) {
    // Four fifths of what was granted go by for the box, a little less for the camera; the event ends the pull that waits.
    await foreign.order(`/skew?seconds=${renewed * 60}`);
    forward(80_000);
    await foreign.order(`/event?topic=${topic}&state=1`);
    await have(1 + renewed);
    await sees(({ calls }) => calls.filter((call) => call === 'Renew').length >= renewed);
  }
  await foreign.order(`/event?topic=${topic}&state=0`);
  await have(5);
  // 180 s after the first grant of 100 s.
  abort.abort();
  await run;
  t.equal(events.at(-1)?.topic, 'tns1:VideoSource/ImageTooDark/ImagingService');
  t.equal(await created(), before, 'no other one');
  t.same((await foreign.stats()).problems, []);
});

t.test('an end while a camera is bid good-bye waits for no answer of it', async (t) => {
  const abort = new AbortController();
  const port = await serve(t, ({ method, request }, response) => {
    if (method === 'GetServices') return response.end(captured('GetServices'));
    if (method === 'Unsubscribe') return abort.abort(new Error('the box stops'));
    if (method !== 'CreatePullPointSubscription')
      return response.end(soapFault('ter:ActionNotSupported', 'no'));
    const granted = { hostname: '10.0.0.1', port: String(request.socket.localPort), pullPointUrl: '/sub/7' };
    return response.end(captured('events.CreatePullPointSubscription', granted));
  });
  const { camera, lines } = cameraAt(port);
  const handler = { subscribed: () => t.fail('not subscribed'), event: () => t.fail('no event') };
  await camera.events(handler, abort.signal);
  const [said] = lines.filter((line) => line.includes('could not unsubscribe'));
  t.match(said, 'the box stops', 'its time was not waited for');
});

t.test('a camera that takes absolute times alone gets them in its own clock', async (t) => {
  const { foreign, have, abort, run } = await listen(t, { auth: 'md5', absolute: true, skew: 100_000 });
  await have(1);
  abort.abort();
  await run;
  const { calls, problems } = await foreign.stats();
  t.equal(
    calls.filter((call) => call === 'CreatePullPointSubscription').length,
    4,
    'twice, each with its login',
  );
  t.same(problems, []);
});

t.test('a camera without SetSynchronizationPoint delivers events all the same', async (t) => {
  const { foreign, have, abort, run } = await listen(t, { auth: 'none', no_sync: true });
  await foreign.order('/event?topic=onv:Device/Trigger/DigitalInput&state=true');
  await have(1);
  abort.abort();
  await run;
  t.same((await foreign.stats()).problems, []);
});

t.test(
  'a camera that forgets the subscription ends the run with an error, so that a new one is made',
  async (t) => {
    const { foreign, camera, run } = await listen(t, { auth: 'none' });
    await foreign.order('/forget');
    await foreign.order('/event?topic=x&state=1');
    await t.rejects(run, { code: 'camera-fault', message: /ResourceUnknownFault/ });
    const before = (await foreign.stats()).calls.length;
    const again = new AbortController();
    await camera.events({ subscribed: () => again.abort(), event: () => undefined }, again.signal);
    const asked = (await foreign.stats()).calls.slice(before);
    t.ok(asked.includes('CreatePullPointSubscription'), asked.join(' '));
    t.notOk(asked.includes('PullMessages'), 'the old one is not asked after');
  },
);

t.test('a wrong password ends the run with a refused login', async (t) => {
  const foreign = await foreignCamera(t, { auth: 'md5', password: 'another' });
  const { camera } = cameraAt(foreign.port, { credentials });
  const handler = { subscribed: () => t.fail('not subscribed'), event: () => t.fail('no event') };
  await t.rejects(camera.events(handler, never), { code: 'camera-login-refused' });
});

/** A camera whose pulls end as `pull` says. */
function pulling(
  t: Teardown,
  pull: (count: number) => string | 'close',
  renew?: () => string,
  asked: string[] = [],
) {
  let pulls = 0;
  return serve(t, ({ method, path, request }, response) => {
    asked.push(`${method} ${path}`);
    if (method === 'GetServices') return response.end(captured('GetServices'));
    if (method === 'CreatePullPointSubscription') {
      const port = String(request.socket.localPort);
      return response.end(
        captured('events.CreatePullPointSubscription', {
          hostname: '10.0.0.1',
          port,
          pullPointUrl: '/sub/7',
        }),
      );
    }
    if (method === 'PullMessages') {
      pulls += 1;
      const answer = pull(pulls);
      return answer === 'close' ? response.socket?.destroy() : response.end(answer);
    }
    if (method === 'Unsubscribe') return response.end(captured('Unsubscribe'));
    if (method === 'Renew' && renew) return response.end(renew());
    return response.end(soapFault('ter:ActionNotSupported', 'no'));
  });
}

t.test(
  'more events in one answer than were asked for: all are told, and others have their turn in between',
  async (t) => {
    const all = captured('PullMessages');
    const [one = ''] = /<[^<]*NotificationMessage>.*?NotificationMessage>/s.exec(all) ?? [];
    const port = await pulling(t, () => all.replace(one, one.repeat(500)));
    const abort = new AbortController();
    let turns = 0;
    const turn = () => {
      turns += 1;
      if (!abort.signal.aborted) setImmediate(turn);
    };
    const turnsAt: number[] = [];
    const event = () => {
      if (turnsAt.push(turns) === 1) turn();
      if (turnsAt.length === 500) abort.abort();
    };
    await cameraAt(port).camera.events({ subscribed: () => undefined, event }, abort.signal);
    t.ok((turnsAt[499] ?? 0) >= 499, `${turnsAt[499]} turns of others`);
  },
);

t.test('a pull that is closed without a fault is normal: the next one brings the events', async (t) => {
  const port = await pulling(t, (count) => (count === 1 ? 'close' : captured('PullMessages')));
  const abort = new AbortController();
  const events: OnvifEvent[] = [];
  const { camera } = cameraAt(port);
  await camera.events(
    {
      subscribed: () => undefined,
      event: (event) => {
        events.push(event);
        if (events.length === 2) abort.abort();
      },
    },
    abort.signal,
  );
  t.match(events[0], {
    topic: 'tns1:RuleEngine/CellMotionDetector/Motion',
    operation: undefined,
    utcTimeMs: Date.UTC(2026, 2, 1, 10),
    source: { VideoSourceConfigurationToken: '000', Rule: '000' },
    data: { IsMotion: 'true' },
  });
});

t.test('a camera that never ceases to tell is slowed down, and loses nothing', async (t) => {
  const one =
    '<NotificationMessage><Topic>tns1:Device/Trigger/DigitalInput</Topic><Message><Message><Source/><Data/></Message></Message></NotificationMessage>';
  const port = await pulling(t, () =>
    soap(`<PullMessagesResponse>${one.repeat(100)}</PullMessagesResponse>`),
  );
  const abort = new AbortController();
  const waits: number[] = [];
  const sleep = (ms: number, signal?: AbortSignal) => {
    waits.push(ms);
    if (ms > 0 && ms <= 500 && heard >= 1_000) abort.abort();
    return systemClock.sleep(ms, signal);
  };
  let heard = 0;
  // However long telling takes here, no time goes by in which more may come.
  const clock = { wallMs: systemClock.wallMs, monotonicMs: () => 0, sleep };
  const event = () => {
    heard += 1;
  };
  await cameraAt(port, {}, clock).camera.events({ subscribed: () => undefined, event }, abort.signal);
  t.ok(heard <= 1_300, `${heard} events until it was made to wait`);
});

t.test('events may come in a burst, and at a steady pace after it', (t) => {
  const pace = new EventPace();
  t.equal(pace.take(1_000, 0, 0), 0);
  t.equal(pace.take(100, 100_000, 0), 500);
  t.equal(pace.take(0, 0, 500), 0, 'after that wait it goes on');
  t.equal(pace.take(1_000, 0, 60_000), 0, 'the burst is there again');
  t.equal(pace.take(1, 2 ** 20, 60_000), 5_000, 'a long answer with one event counts by its bytes');
  t.end();
});

t.test('a camera that closes its quiet pulls and knows the subscription is listened to', async (t) => {
  let renewed = false;
  const port = await pulling(
    t,
    () => (renewed ? captured('PullMessages') : 'close'),
    () => {
      renewed = true;
      return soap('<RenewResponse/>');
    },
  );
  const abort = new AbortController();
  const handler = { subscribed: () => undefined, event: () => abort.abort() };
  await cameraAt(port).camera.events(handler, abort.signal);
  t.ok(renewed, 'it was asked whether it knows the subscription');
});

/** How a run ends that is over at its first event. */
async function untilEvent(camera: ReturnType<typeof cameraAt>['camera']): Promise<string> {
  const abort = new AbortController();
  const run = camera.events({ subscribed: () => undefined, event: () => abort.abort() }, abort.signal);
  return await run.then(
    () => 'event',
    (error: { code: string }) => error.code,
  );
}

/** What was asked of a camera to begin and end subscriptions. */
function begunAndEnded(asked: readonly string[]): string[] {
  return asked.flatMap((one) => /Create|Unsubscribe/.exec(one)?.[0] ?? []);
}

t.test('a subscription that is gone on with survives quiet pulls that the camera closes', async (t) => {
  const asked: string[] = [];
  const pull = (count: number) => (count === 2 || count === 3 ? 'close' : captured('PullMessages'));
  const { camera } = cameraAt(await pulling(t, pull, () => soap('<RenewResponse/>'), asked));
  t.equal(await untilEvent(camera), 'event');
  asked.length = 0;
  t.equal(await untilEvent(camera), 'event', 'after a pause, with its first pulls closed');
  t.same(begunAndEnded(asked), [], asked.join(', '));
});

t.test('a subscription that cannot be gone on with is tried again, and left alone at last', async (t) => {
  const asked: string[] = [];
  const pull = (count: number) => (count > 1 && count < 6 ? '<x/>' : captured('PullMessages'));
  const { camera } = cameraAt(await pulling(t, pull, () => soap('<RenewResponse/>'), asked));
  t.equal(await untilEvent(camera), 'event');
  asked.length = 0;
  for (let n = 0; n < 3; n += 1) t.equal(await untilEvent(camera), 'camera-protocol');
  t.same(begunAndEnded(asked), []);
  t.equal(await untilEvent(camera), 'camera-protocol', 'a new one');
  t.equal(await untilEvent(camera), 'event', 'which is gone on with');
  t.same(begunAndEnded(asked), ['Create'], 'nothing is ever unsubscribed');
});

t.test('what waited in a subscription is told also when it cannot be gone on with after all', async (t) => {
  let isWell = true;
  const renew = () => (isWell ? soap('<RenewResponse/>') : '<x/>');
  const { camera } = cameraAt(await pulling(t, () => captured('PullMessages'), renew));
  t.equal(await untilEvent(camera), 'event');
  isWell = false;
  const events: OnvifEvent[] = [];
  const handler = {
    subscribed: () => t.fail('not subscribed'),
    event: (one: OnvifEvent) => events.push(one),
  };
  await t.rejects(camera.events(handler, never), { code: 'camera-protocol' });
  t.match(events, [{ topic: 'tns1:RuleEngine/CellMotionDetector/Motion' }, {}], 'the camera tells them once');
});

t.test('a kept subscription that nobody can read is none: the camera is heard by a new one', async (t) => {
  const asked: string[] = [];
  const { camera, subscription } = cameraAt(
    await pulling(
      t,
      () => captured('PullMessages'),
      () => soap('<RenewResponse/>'),
      asked,
    ),
  );
  for (const text of ['{"port":80,"pa', 'null', '{"port":80}']) {
    asked.length = 0;
    subscription.save(text);
    t.equal(await untilEvent(camera), 'event', text);
    t.equal(begunAndEnded(asked).at(-1), 'Create', asked.join(', '));
  }
});

t.test(
  'a subscription on a port of its own that stays closed, as after a start of the camera, is left alone at last',
  async (t) => {
    const asked: string[] = [];
    const { camera, subscription } = cameraAt(
      await pulling(
        t,
        () => captured('PullMessages'),
        () => soap('<RenewResponse/>'),
        asked,
      ),
    );
    const port = await freePort();
    subscription.save(
      JSON.stringify({ port, path: '/sub/1', to: `http://10.0.0.1:${port}/sub/1`, parameters: '' }),
    );
    for (let n = 0; n < 3; n += 1) t.equal(await untilEvent(camera), 'camera-port-closed');
    t.same(begunAndEnded(asked), []);
    t.equal(await untilEvent(camera), 'event');
    t.equal(begunAndEnded(asked).at(-1), 'Create', asked.join(', '));
  },
);

t.test('a camera that closes every pull, or answers nonsense, ends the run', async (t) => {
  const handler = { subscribed: () => undefined, event: () => undefined };
  const closing = cameraAt(await pulling(t, () => 'close')).camera.events(handler, never);
  const nonsense = cameraAt(await pulling(t, () => '<x/>')).camera.events(handler, never);
  const handled = cameraAt(await pulling(t, () => captured('PullMessages'))).camera.events(
    {
      subscribed: () => undefined,
      event: () => {
        throw new TypeError('the disk is full');
      },
    },
    never,
  );
  await t.rejects(nonsense, { code: 'camera-protocol' });
  await t.rejects(handled, { code: 'internal', message: 'the disk is full' });
  await t.rejects(closing, { code: 'camera-closed' });
});

t.test('a camera without an event service is said to lack it', async (t) => {
  const port = await serve(t, ({ method }, response) =>
    response.end(method === 'GetServices' ? soap('<GetServicesResponse/>') : ''),
  );
  const handler = { subscribed: () => undefined, event: () => undefined };
  await t.rejects(cameraAt(port).camera.events(handler, never), { code: 'camera-unsupported' });
});

t.test(
  'the topics that a camera declares are read from its topic set; one that cannot say is no fault',
  async (t) => {
    const says = (answer: string | undefined) =>
      serve(t, ({ method }, response) => {
        if (method === 'GetServices') return response.end(captured('GetServices'));
        return response.end(answer ?? soapFault('ter:ActionNotSupported', 'no'));
      });
    const { camera } = cameraAt(await says(captured('GetEventProperties')));
    const topics = (await camera.eventTopics(never)) ?? [];
    t.ok(topics.includes('Device/Trigger/DigitalInput'), topics.join(' '));
    t.notOk(topics.includes('Device/Trigger'), 'a level that is no topic');
    t.equal(await cameraAt(await says(undefined)).camera.eventTopics(never), undefined);
  },
);

async function readOne(topicXml: string, message: string): Promise<OnvifEvent | undefined> {
  const text = soap(
    `<PullMessagesResponse><wsnt:NotificationMessage>${topicXml}<wsnt:Message>${message}</wsnt:Message></wsnt:NotificationMessage></PullMessagesResponse>`,
  );
  const root = await parseXml(text, 'cam-1');
  const content = root.children[1]?.children[0];
  return content && readEvents(content)[0];
}

t.test('topics come out alike whatever prefix, spaces and slashes the camera uses', async (t) => {
  const cases = [
    ['<wsnt:Topic>tns1:Device/Trigger/DigitalInput</wsnt:Topic>', 'tns1:Device/Trigger/DigitalInput'],
    ['<wsnt:Topic> tns1:Device/Trigger/DigitalInput/ </wsnt:Topic>', 'tns1:Device/Trigger/DigitalInput'],
    [
      '<wsnt:Topic xmlns:o="http://www.onvif.org/ver10/topics">o:Device/o:Trigger</wsnt:Topic>',
      'tns1:Device/Trigger',
    ],
    ['<wsnt:Topic xmlns:tns1="urn:vendor">tns1:IO/Port</wsnt:Topic>', 'tns1:IO/Port'],
    ['<wsnt:Topic>Device/Trigger</wsnt:Topic>', 'tns1:Device/Trigger'],
    [
      '<wsnt:Topic xmlns:tnsaxis="http://www.axis.com/2009/event/topics">tns1:Device/tnsaxis:IO/VirtualPort</wsnt:Topic>',
      'tns1:Device/tnsaxis:IO/VirtualPort',
    ],
    ['', ''],
  ] as const;
  for (const [xml, topic] of cases) t.equal((await readOne(xml, ''))?.topic, topic);
});

t.test('what a camera says it did with a property is read in small and capital letters', async (t) => {
  for (const word of ['Initialized', 'initialized', ' INITIALIZED '])
    t.equal((await readOne('', `<tt:Message PropertyOperation="${word}"/>`))?.operation, 'Initialized', word);
  t.equal((await readOne('', '<tt:Message/>'))?.operation, undefined);
});

t.test('times that do not exist are left out, the event is kept', async (t) => {
  const at = async (utc: string) => (await readOne('', `<tt:Message UtcTime="${utc}"/>`))?.utcTimeMs;
  t.equal(await at('2024-02-29T23:59:59.5Z'), Date.UTC(2024, 1, 29, 23, 59, 59, 500));
  t.equal(await at('2026-03-01T12:00:00+02:00'), Date.UTC(2026, 2, 1, 10));
  t.equal(await at('2026-03-01T12:00:00'), Date.UTC(2026, 2, 1, 12));
  for (const bad of ['2026-02-29T00:00:00Z', '2026-13-01T00:00:00Z', '0000-00-00T00:00:00Z', 'now', '']) {
    t.equal(await at(bad), undefined, bad);
  }
});

t.test('items named like parts of an object are only items', async (t) => {
  const event = await readOne(
    '',
    '<tt:Message PropertyOperation="Exploded"><tt:Data><tt:SimpleItem Name="__proto__" Value="x"/><tt:SimpleItem Name="State" Value=" 1 "/></tt:Data></tt:Message>',
  );
  t.equal(event?.operation, undefined);
  t.same(Object.entries(event?.data ?? {}), [
    ['__proto__', 'x'],
    ['State', '1'],
  ]);
  t.equal(({} as { x?: unknown }).x, undefined);
});

t.test('makers spell states in their own ways', async (t) => {
  for (const word of ['true', 'TRUE', '1', ' active ', 'On']) t.equal(isActive(word), true, word);
  for (const word of ['false', '0', 'Inactive', 'off']) t.equal(isActive(word), false, word);
  for (const word of ['', 'maybe', '2', undefined]) t.equal(isActive(word), undefined, String(word));
});

t.test(
  'renewing comes before the end of what is granted, and not more often than a minute where it can',
  async (t) => {
    t.equal(renewAfterMs(120_000), 96_000);
    t.equal(renewAfterMs(72_000), 60_000);
    t.equal(renewAfterMs(60_000), 48_000);
    t.equal(renewAfterMs(10_000), 8_000);
    fc.assert(
      fc.property(fc.integer({ min: 2_000, max: 10_000_000 }), (grantMs) => renewAfterMs(grantMs) < grantMs),
    );
  },
);

t.test('what is granted is the lesser of what the camera says and what its clock says', async (t) => {
  const cameraMs = Date.UTC(2026, 2, 1, 12);
  const granted = async (current: string, end: string) => {
    const times = `<wsnt:CurrentTime>${current}</wsnt:CurrentTime><wsnt:TerminationTime>${end}</wsnt:TerminationTime>`;
    const root = await parseXml(soap(`<RenewResponse>${times}</RenewResponse>`), 'cam-1');
    const content = root.children[1]?.children[0];
    return content && grantedMs(content, cameraMs);
  };
  const day = (time: string) => `2026-03-01T${time}Z`;
  t.equal(await granted(day('12:00:00'), day('12:02:00')), 120_000);
  t.equal(await granted(day('14:00:00'), day('14:02:00')), 120_000, 'local time, said as UTC');
  t.equal(await granted('1970-01-01T00:00:00Z', day('12:02:00')), 120_000, 'a time that it does not know');
  t.equal(await granted('', day('12:02:00')), 120_000);
  t.equal(await granted(day('10:00:00'), day('10:02:00')), 120_000, 'local time behind UTC');
  t.equal(await granted(day('12:00:00'), day('12:00:00')), undefined);
  t.equal(await granted(day('12:00:00'), ''), undefined);
});

t.test('a subscription is found behind address translation, and on a port of its own', async (t) => {
  const places: string[] = [];
  const subscription = (port: number) =>
    captured('events.CreatePullPointSubscription', {
      hostname: '10.0.0.1',
      port: String(port),
      pullPointUrl: '/sub/7?id=1',
    });
  const pulled = (name: string, announced: () => number) =>
    serve(t, ({ method, path, request }, response) => {
      places.push(`${name} ${method} ${path}`);
      if (method === 'GetServices') return response.end(captured('GetServices'));
      if (method === 'CreatePullPointSubscription') return response.end(subscription(announced()));
      if (method === 'PullMessages') return response.end(captured('PullMessages'));
      return response.end(soap(`<${method}Response/>`), () => request.socket.end());
    });
  const own = await pulled('own', () => 0);
  for (const port of [await pulled('translated', () => 80), await pulled('apart', () => own)]) {
    const abort = new AbortController();
    const handler = { subscribed: () => undefined, event: () => abort.abort() };
    await cameraAt(port).camera.events(handler, abort.signal);
  }
  t.match(
    places.filter((place) => place.includes('PullMessages')),
    ['translated PullMessages /sub/7?id=1', 'own PullMessages /sub/7?id=1'],
  );
});

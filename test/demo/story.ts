import { parseSigningKey } from '../../agent/trust/keys.ts';
import { generateSigningKey, signOrder } from '../../agent/trust/sign.ts';
import { signConfiguration } from '../../provisioning/sign.ts';
import { clip } from '../support/clips.ts';
import { readMp4 } from '../support/mp4-reader.ts';
import { BOILER, CAMERA_IDS, CAMERAS, type CameraId, SITE, type World } from './world.ts';

/** One step of the story: does something and throws unless what must follow has followed. */
export interface Step {
  readonly name: string;
  run(world: World): Promise<string>;
}

const DAY_MS = 24 * 3600 * 1000;
/** Frames that each camera's file must hold before it is read. */
const FRAMES = 45;

/** The story that the smoke run tells, step by step. */
export const STORY: readonly Step[] = [
  { name: 'link', run: linkUp },
  { name: 'cameras healthy', run: camerasHealthy },
  ...CAMERA_IDS.map((id) => ({
    name: `video of ${id} equals its clip`,
    run: (world: World) => videoEquals(world, id),
  })),
  { name: 'camera unplugged', run: unplugged },
  { name: 'camera recovered', run: recovered },
  { name: 'alarm raised', run: (world) => alarm(world, true) },
  { name: 'alarm acknowledged', run: acknowledged },
  { name: 'measure and alarm of an object', run: boiler },
  { name: 'beffroi alarms', run: listed },
  { name: 'alarm cleared', run: (world) => alarm(world, false) },
  { name: 'good configuration applied', run: goodConfiguration },
  { name: 'forged configuration refused', run: forged },
  { name: 'expired configuration refused', run: expired },
  { name: 'older configuration refused', run: older },
  { name: 'invalid configuration refused', run: invalid },
  { name: 'command answered', run: command },
];

async function linkUp(world: World): Promise<string> {
  world.start();
  await world.subscriber.until('the box online', () =>
    world.subscriber.json('/state/link').some(({ online }) => online),
  );
  return 'the box is online at the CSU';
}

async function camerasHealthy(world: World): Promise<string> {
  const version = await world.push({ configuration: world.configuration() });
  for (const id of CAMERA_IDS) await health(world, id, 'ok');
  return `configuration ${version} applied, ${CAMERA_IDS.length} cameras healthy`;
}

async function health(world: World, id: CameraId, state: string): Promise<Record<string, unknown>> {
  const last = () => world.subscriber.json(`/${id}/state/health`).at(-1);
  return await world.subscriber.until(`${id} ${state}`, () => (last()?.state === state ? last() : undefined));
}

/** What an independent subscriber received, read by an independent reader, holds the NAL units of the clip. */
async function videoEquals(world: World, id: CameraId): Promise<string> {
  const { units } = clip(CAMERAS[id].clip);
  const frames = () => world.media(id).length * 3;
  await world.subscriber.until(`${FRAMES} frames of ${id}`, () => frames() >= FRAMES);
  const video = await readMp4(Buffer.concat(world.media(id)));
  if (video.samples.length < FRAMES) throw new Error(`${id}: the file holds ${video.samples.length} samples`);
  let at = units.findIndex((unit) => sameNals(unit.nals, video.samples[0]?.nals ?? []));
  if (at < 0) throw new Error(`${id}: the first sample is no access unit of the clip`);
  for (const [index, sample] of video.samples.entries()) {
    if (!sameNals(units[at]?.nals ?? [], sample.nals))
      throw new Error(`${id}: sample ${index} differs from the clip`);
    at = (at + 1) % units.length;
  }
  return `${video.samples.length} samples (${video.codecString}) equal the clip byte for byte`;
}

function sameNals(a: readonly Buffer[], b: readonly Buffer[]): boolean {
  return (
    a.length === b.length && a.length > 0 && a.every((nal, index) => nal.equals(b[index] ?? Buffer.alloc(0)))
  );
}

async function unplugged(world: World): Promise<string> {
  await world.camera('cam-ecole').unplug();
  const { cause, fault, detail } = await health(world, 'cam-ecole', 'down');
  if (cause !== 'camera-port-closed')
    throw new Error(`expected camera-port-closed, came ${cause}: ${detail}`);
  return `down: ${cause}, fault of the ${fault}`;
}

async function recovered(world: World): Promise<string> {
  await world.camera('cam-ecole').plug();
  await health(world, 'cam-ecole', 'ok');
  return 'pictures flow again';
}

async function alarm(world: World, active: boolean): Promise<string> {
  const transition = active ? 'raised' : 'cleared';
  const { point, pointName } = CAMERAS['cam-parvis'];
  const seen = () =>
    world.subscriber.json(`/${point}/event/alarm`).find((event) => event.transition === transition);
  if (seen()) throw new Error(`the alarm was ${transition} before the button was touched`);
  world.press('cam-parvis', active);
  const event = await world.subscriber.until(`alarm ${transition}`, seen);
  return `${pointName}: ${event.transition}, ${event.severity}, event ${event.seq}`;
}

/** By a signed command of a named person. */
async function acknowledged(world: World): Promise<string> {
  const { point, pointName } = CAMERAS['cam-parvis'];
  await world.acknowledge(point);
  const event = await world.subscriber.until('the acknowledgement', () =>
    world.subscriber.json(`/${point}/event/alarm`).find(({ transition }) => transition === 'acknowledged'),
  );
  return `${pointName}: by ${event.by}, key ${event.signer}`;
}

/** A thermometer publishes to the broker of the building; the box hears it there. */
async function boiler(world: World): Promise<string> {
  const { object, point, limit } = BOILER;
  await world.box.until('the boiler room', ({ alarms }) =>
    alarms.some((one) => one.point === point && one.state === 'cleared'),
  );
  await world.measure(limit + 15);
  const measure = await world.subscriber.until('the measure', () =>
    world.subscriber.json(`/${object}/meas/object`).find(({ value }) => value === limit + 15),
  );
  const raised = await world.subscriber.until('the alarm of the boiler room', () =>
    world.subscriber.json(`/${point}/event/alarm`).find(({ transition }) => transition === 'raised'),
  );
  return `${measure.name}: ${measure.value} ${measure.unit}, alarm ${raised.transition} (${raised.kind})`;
}

/** What the technician sees on the box. */
async function listed(world: World): Promise<string> {
  const said = await world.alarms('en');
  for (const name of [CAMERAS['cam-parvis'].pointName, BOILER.name])
    if (!said.includes(name)) throw new Error(`expected ${name} in: ${said}`);
  return `\n${said}`;
}

async function goodConfiguration(world: World): Promise<string> {
  const version = await world.push({
    configuration: world.configuration({ health: { probeIntervalS: 10 } }),
  });
  const state = () => world.subscriber.json('/collector/state/config').at(-1);
  await world.subscriber.until(
    `version ${version}`,
    () => state()?.phase === 'applied' && state()?.version === version,
  );
  return `version ${version} in force`;
}

async function refusal(world: World, cause: string, push: () => Promise<unknown>): Promise<string> {
  const before = world.subscriber.json('/event/refusal').length;
  await push();
  const event = await world.subscriber.until(
    'a refusal',
    () => world.subscriber.json('/event/refusal')[before],
  );
  if (event.cause !== cause) throw new Error(`expected ${cause}, came ${event.cause}: ${event.detail}`);
  const { config } = await world.box.status();
  if (config.appliedVersion !== 2)
    throw new Error(`version ${config.appliedVersion} in force after the refusal`);
  return `${event.cause}: ${event.detail}`;
}

/** Signed by a key that nobody knows. */
async function forged(world: World): Promise<string> {
  const signed = await signConfiguration(world.csu, { site: SITE, configuration: world.configuration() });
  const payload = Buffer.from(JSON.parse(signed.jws).payload, 'base64url').toString('utf8');
  const stranger = parseSigningKey(JSON.stringify(generateSigningKey().privateJwk));
  return await refusal(world, 'order-bad-signature', () =>
    world.pushText(signOrder(JSON.parse(payload) as object, [stranger])),
  );
}

async function expired(world: World): Promise<string> {
  const longAgoMs = Date.now() - 3 * DAY_MS;
  return await refusal(world, 'order-expired', () =>
    world.push({ configuration: world.configuration(), version: 10, validDays: 1 }, longAgoMs),
  );
}

async function older(world: World): Promise<string> {
  return await refusal(world, 'order-older-version', () =>
    world.push({ configuration: world.configuration(), version: 1 }),
  );
}

/** Signed well, but with a key that the schema does not know. */
async function invalid(world: World): Promise<string> {
  const signed = await signConfiguration(world.csu, {
    site: SITE,
    configuration: world.configuration(),
    version: 11,
  });
  const order = JSON.parse(Buffer.from(JSON.parse(signed.jws).payload, 'base64url').toString('utf8'));
  order.config.cameras[0].regimen = 'continuous';
  return await refusal(world, 'order-invalid', async () =>
    world.pushText(signOrder(order, [await world.csu.key('config')])),
  );
}

async function command(world: World): Promise<string> {
  const id = await world.command({ command: 'agent.ping' });
  const answers = () => world.subscriber.json('/event/command').filter((event) => event.command_id === id);
  const last = await world.subscriber.until('the answer', () =>
    answers().find(({ status }) => status === 'successful'),
  );
  return `${answers()
    .map(({ status }) => status)
    .join(', ')}: ${last.detail}`;
}

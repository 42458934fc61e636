import { BOILER, CAMERA_IDS, CAMERAS, type CameraId, type World } from './world.ts';

type Command = (world: World, camera: CameraId) => Promise<string>;

const COMMANDS: Readonly<Record<string, Command>> = {
  unplug: async (world, id) => {
    await world.camera(id).unplug();
    return `${id} is unplugged; watch its state and the cause`;
  },
  plug: async (world, id) => {
    await world.camera(id).plug();
    return `${id} is back`;
  },
  stall: async (world, id) => {
    world.camera(id).stall(true);
    return `${id} sends no pictures; "resume ${id}" ends it`;
  },
  resume: async (world, id) => {
    world.camera(id).stall(false);
    return `${id} sends pictures again`;
  },
  press: async (world, id) => {
    world.press(id, true);
    return `the button at ${id} is pressed; "release ${id}" lets it go`;
  },
  release: async (world, id) => {
    world.press(id, false);
    return `the button at ${id} is let go`;
  },
  ack: async (world, id) => {
    const last = await ended(world, await world.acknowledge(CAMERAS[id].point));
    return `the last alarm of ${id}, by a signed command: ${last}`;
  },
  hot: async (world) => {
    await world.measure(BOILER.limit + 15);
    return `${BOILER.name}: ${BOILER.limit + 15} °C, above its limit; "cool" ends it`;
  },
  cool: async (world) => {
    await world.measure(BOILER.limit - 40);
    return `${BOILER.name}: ${BOILER.limit - 40} °C`;
  },
  alarms: (world) => world.alarms('en'),
  bad: async (world) => {
    const refusals = () => world.subscriber.json('/event/refusal');
    const before = refusals().length;
    await world.push({ configuration: world.configuration(), version: 1 });
    const { cause, detail } = await world.subscriber.until('the refusal', () => refusals()[before]);
    return `the box refused it: ${cause}: ${detail}`;
  },
  good: async (world) => {
    const version = await world.push({ configuration: world.configuration() });
    await world.box.until('the configuration', ({ config }) => config.appliedVersion === version);
    return `version ${version} is in force`;
  },
  check: (world, id) => answer(world, 'camera.check', id),
  restart: (world, id) => answer(world, 'stream.restart', id),
  ping: (world) => answer(world, 'agent.ping'),
};

async function answer(
  world: World,
  command: 'agent.ping' | 'camera.check' | 'stream.restart',
  camera?: CameraId,
): Promise<string> {
  return await ended(world, await world.command({ command, ...(camera ? { camera } : {}) }));
}

async function ended(world: World, id: string): Promise<string> {
  const last = await world.subscriber.until('the answer of the box', () =>
    world.subscriber
      .json('/event/command')
      .find(
        (event) =>
          event.command_id === id && ['successful', 'failed', 'rejected'].includes(String(event.status)),
      ),
  );
  return `${last.status}: ${last.detail}`;
}

export const HELP: string = `What to try:
  unplug, plug CAMERA     the camera goes off the network; it is back
  stall, resume CAMERA    no picture comes, though connected; pictures again
  press, release CAMERA   the alarm button that is wired to the camera
  ack CAMERA              a signed command: its alarm is acknowledged
  hot, cool               the boiler room, by a connected object of the building
  alarms                  what "beffroi alarms" says on the box
  bad, good               a configuration with an old version; a good one
  check, restart CAMERA   signed commands: check it now; begin its stream anew
  ping                    a signed command that is only answered
  quit                    ends the demo, as does Ctrl-C
  CAMERA is ${CAMERA_IDS.join(' or ')}; the first when left out.`;

/** Does what a line asks for. @returns what to tell the person */
export async function react(world: World, line: string): Promise<string> {
  const [name = '', camera = CAMERA_IDS[0]] = line.trim().split(/\s+/);
  if (name === '' || name === 'help') return HELP;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  const id = CAMERA_IDS.find((known) => known === camera);
  if (!command) return `unknown: ${JSON.stringify(name)}\n${HELP}`;
  if (!id) return `no camera ${JSON.stringify(camera)}: ${CAMERA_IDS.join(', ')}`;
  return await command(world, id).catch((error: unknown) => `failed: ${String(error)}`);
}

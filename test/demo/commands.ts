import { CAMERA_IDS, type CameraId, type World } from './world.ts';

interface Command {
  readonly usage: string;
  readonly help: string;
  run(world: World, camera: CameraId): Promise<string>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  unplug: {
    usage: 'unplug CAMERA',
    help: 'the camera goes off the network',
    run: async (world, id) => {
      await world.camera(id).unplug();
      return `${id} is unplugged; watch its state and the cause`;
    },
  },
  plug: {
    usage: 'plug CAMERA',
    help: 'the camera is back',
    run: async (world, id) => {
      await world.camera(id).plug();
      return `${id} is back`;
    },
  },
  stall: {
    usage: 'stall CAMERA',
    help: 'no picture comes any more, though the connection stays',
    run: async (world, id) => {
      world.camera(id).stall(true);
      return `${id} sends no pictures; "resume ${id}" ends it`;
    },
  },
  resume: {
    usage: 'resume CAMERA',
    help: 'pictures come again',
    run: async (world, id) => {
      world.camera(id).stall(false);
      return `${id} sends pictures again`;
    },
  },
  press: {
    usage: 'press CAMERA',
    help: 'the alarm button that is wired to the camera',
    run: async (world, id) => {
      world.press(id, true);
      return `the button at ${id} is pressed; "release ${id}" lets it go`;
    },
  },
  release: {
    usage: 'release CAMERA',
    help: 'lets the button go',
    run: async (world, id) => {
      world.press(id, false);
      return `the button at ${id} is let go`;
    },
  },
  bad: {
    usage: 'bad',
    help: 'pushes a configuration with an old version; the box refuses it',
    run: async (world) => {
      await world.push({ configuration: world.configuration(), version: 1 });
      return 'pushed a configuration with version 1; watch the refused orders';
    },
  },
  good: {
    usage: 'good',
    help: 'pushes a good configuration',
    run: async (world) => `pushed version ${await world.push({ configuration: world.configuration() })}`,
  },
  check: {
    usage: 'check CAMERA',
    help: 'a signed command: the box checks the camera now',
    run: (world, id) => answer(world, 'camera.check', id),
  },
  ping: {
    usage: 'ping',
    help: 'a signed command: the box answers',
    run: (world) => answer(world, 'agent.ping'),
  },
};

async function answer(
  world: World,
  command: 'agent.ping' | 'camera.check',
  camera?: CameraId,
): Promise<string> {
  const id = await world.command(command, camera);
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

export const HELP: string = [
  ...Object.values(COMMANDS).map(({ usage, help }) => `  ${usage.padEnd(16)} ${help}`),
  `  ${'quit'.padEnd(16)} ends the demo, as does Ctrl-C`,
  `  CAMERA is one of ${CAMERA_IDS.join(', ')}; the first when left out.`,
].join('\n');

/** Does what a line asks for. @returns what to tell the person */
export async function react(world: World, line: string): Promise<string> {
  const [name = '', camera = CAMERA_IDS[0]] = line.trim().split(/\s+/);
  if (name === '' || name === 'help') return HELP;
  const command = COMMANDS[name];
  const id = CAMERA_IDS.find((known) => known === camera);
  if (!command) return `unknown: ${JSON.stringify(name)}\n${HELP}`;
  if (!id) return `no camera ${JSON.stringify(camera)}: ${CAMERA_IDS.join(', ')}`;
  return await command.run(world, id).catch((error: unknown) => `failed: ${String(error)}`);
}

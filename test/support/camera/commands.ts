import type { SimulatedCamera } from './camera.ts';
import { type ClipFile, fileClip } from './file-clip.ts';
import type { OnvifFaults } from './onvif-options.ts';
import type { RtspFaults } from './rtsp-options.ts';

/** What can be done to a camera that runs in another process. */
export type CameraCommand =
  | { readonly do: 'unplug'; readonly how?: 'refused' | 'silent' }
  | { readonly do: 'plug' }
  | { readonly do: 'stall'; readonly on: boolean }
  | { readonly do: 'setInput'; readonly token: string; readonly active: boolean }
  | { readonly do: 'setTampering'; readonly active: boolean }
  | { readonly do: 'setClockOffset'; readonly ms: number }
  | { readonly do: 'setPassword'; readonly password: string }
  | { readonly do: 'setSerial'; readonly serial: string }
  | { readonly do: 'rtspFaults'; readonly faults: Partial<RtspFaults> }
  | { readonly do: 'onvifFaults'; readonly faults: Partial<OnvifFaults> }
  | { readonly do: 'show'; readonly clip: ClipFile }
  | { readonly do: 'changeParameterSets' }
  | { readonly do: 'jumpTimestamps'; readonly ticks: number }
  | { readonly do: 'injectGarbage'; readonly bytes: number }
  | { readonly do: 'closeConnections' }
  | { readonly do: 'expireNonces' }
  | { readonly do: 'counters' };

type Actions = {
  readonly [K in CameraCommand['do']]: (
    camera: SimulatedCamera,
    command: Extract<CameraCommand, { do: K }>,
  ) => unknown;
};

const ACTIONS: Actions = {
  unplug: (camera, { how }) => camera.unplug(how),
  plug: (camera) => camera.plug(),
  stall: (camera, { on }) => camera.stall(on),
  setInput: (camera, { token, active }) => camera.setInput(token, active),
  setTampering: (camera, { active }) => camera.setTampering(active),
  setClockOffset: (camera, { ms }) => camera.setClockOffset(ms),
  setPassword: (camera, { password }) => camera.setPassword(password),
  setSerial: (camera, { serial }) => camera.setSerial(serial),
  rtspFaults: (camera, { faults }) => void Object.assign(camera.rtsp.faults, faults),
  onvifFaults: (camera, { faults }) => void Object.assign(camera.onvif.faults, faults),
  show: (camera, { clip }) => camera.rtsp.show(fileClip(clip)),
  changeParameterSets: (camera) => camera.rtsp.changeParameterSets(),
  jumpTimestamps: (camera, { ticks }) => camera.rtsp.jumpTimestamps(ticks),
  injectGarbage: (camera, { bytes }) => camera.rtsp.injectGarbage(bytes),
  closeConnections: (camera) => camera.rtsp.closeConnections(),
  expireNonces: (camera) => {
    camera.rtsp.expireNonces();
    camera.onvif.expireNonces();
  },
  counters: (camera) => camera.counters,
};

/** Does it; resolves with what the command tells, such as the counters. */
export async function perform(camera: SimulatedCamera, command: CameraCommand): Promise<unknown> {
  const action = ACTIONS[command.do] as
    | ((camera: SimulatedCamera, command: CameraCommand) => unknown)
    | undefined;
  if (!action) throw new RangeError(`no such command: ${String(command.do)}`);
  return action(camera, command);
}

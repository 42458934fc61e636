import { OrderRefusedError } from '../base/errors.ts';
import type { AlarmOrder, CommandOrder } from '../contract/orders.ts';
import type { ViewingOrder } from '../contract/viewing-orders.ts';
import type { TakenCommand } from './open-commands.ts';
import type { AnnouncedMission, AnnouncedWindow, CommandPorts, Decision } from './ports.ts';

/** Carries a command out. @returns what the operator is told */
export async function act(ports: CommandPorts, command: TakenCommand, signal: AbortSignal): Promise<string> {
  const { order, signer } = command;
  if (isViewing(order)) return await ports.viewing.carryOut({ ...command, order }, signal);
  switch (order.command) {
    case 'agent.ping':
      return await ports.ping(signal);
    case 'camera.check':
      return await ports.checkCamera(order.camera, signal);
    case 'stream.restart':
      return await ports.restartStream(order.camera, signal);
    case 'health.confirm':
      return await ports.confirmRepair(order.camera, signal);
    case 'picture.confirm':
      return ports.confirmPicture(order.camera);
    case 'picture.reset':
      return ports.resetPicture(order.camera);
    case 'alarm.acknowledge':
      return ports.alarms.acknowledge(order.alarm, decisionOf(order, signer));
    case 'alarm.shelve':
      return ports.alarms.shelve(order.point, order.until * 1000, decisionOf(order, signer));
    case 'alarm.unshelve':
      return ports.alarms.unshelve(order.point, decisionOf(order, signer));
    case 'alarm.close':
      return ports.alarms.close(order.alarm, decisionOf(order, signer));
    case 'maintenance.announce':
      return ports.alarms.announce(windowOf(order), decisionOf(order, signer));
    case 'maintenance.cancel':
      return ports.alarms.cancel(order.window, decisionOf(order, signer));
    case 'mission.announce':
      return ports.missions.announce({ ...missionOf(order), ...decisionOf(order, signer) });
    case 'mission.cancel':
      return ports.missions.cancel(order.mission, decisionOf(order, signer));
    case 'report.publish':
      return await ports.publishReport({ from: order.from, to: order.to }, signal);
    case 'inventory.run':
      return await ports.takeInventory(signal);
  }
}

/** Whether it is about a view or a lease. */
export function isViewing(order: CommandOrder): order is ViewingOrder {
  return order.command.startsWith('view.') || order.command.startsWith('lease.');
}

/** Whether it is about alarms or windows. */
export function isAboutAlarms(order: CommandOrder): order is AlarmOrder {
  return order.command.startsWith('alarm.') || order.command.startsWith('maintenance.');
}

function windowOf({
  jti,
  points,
  cameras,
  box,
  start,
  end,
}: CommandOrder & { command: 'maintenance.announce' }): AnnouncedWindow {
  const works = { ...(cameras && { cameras }), ...(box !== undefined && { box }) };
  return { id: jti, points: points ?? [], ...works, startMs: start * 1000, endMs: end * 1000 };
}

function missionOf(order: CommandOrder & { command: 'mission.announce' }): AnnouncedMission {
  const { jti, cameras, priority, start, end } = order;
  return { id: jti, cameras, priority, startMs: start * 1000, endMs: end * 1000 };
}

function decisionOf({ by, why = '' }: { by: string; why?: string | undefined }, signer: string): Decision {
  return { by, signer, why };
}

/** @returns why a command cannot be carried out: what it is about is not there, or is a partner's */
export function missingTarget(ports: CommandPorts, order: CommandOrder): OrderRefusedError | undefined {
  const camera = camerasOf(order).find((id) => !ports.knowsCamera(id));
  if (camera !== undefined) return unknown('a camera of the configuration in force', camera);
  const partners = isForOwn(order) ? camerasOf(order).find((id) => ports.isLeased(id)) : undefined;
  if (partners !== undefined) return ofPartner(order, partners);
  const point = pointsOf(order).find((id) => !ports.alarms.knowsPoint(id));
  if (point !== undefined) return unknown('a point of the configuration in force', point);
  if ('alarm' in order && !ports.alarms.knowsAlarm(order.alarm))
    return unknown('an alarm that is not closed', order.alarm);
  if ('window' in order && !ports.alarms.knowsWindow(order.window))
    return unknown('a window that was announced and is not over', order.window);
  if ('mission' in order && !ports.missions.knows(order.mission))
    return unknown('a mission that was announced and is not over', order.mission);
  return undefined;
}

function camerasOf(order: CommandOrder): readonly string[] {
  if ('cameras' in order) return order.cameras ?? [];
  return 'camera' in order ? [order.camera] : [];
}

/** Whether it is about streams that are pulled without a lease. */
function isForOwn({ command }: CommandOrder): boolean {
  return command === 'stream.restart' || command === 'mission.announce';
}

function ofPartner({ command }: CommandOrder, camera: string): OrderRefusedError {
  return new OrderRefusedError(
    'order-wrong-regime',
    `${command}: ${camera} is the camera of a partner, whose lease alone makes a stream of it`,
  );
}

function pointsOf(order: CommandOrder): readonly string[] {
  if ('points' in order) return order.points ?? [];
  return 'point' in order ? [order.point] : [];
}

function unknown(expected: string, came: string): OrderRefusedError {
  return new OrderRefusedError('order-unknown-target', `expected ${expected}, came ${came}`);
}

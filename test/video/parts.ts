import { createHash } from 'node:crypto';
import type { Test } from 'tap';
import { mediaTopic } from '../../agent/contract/topics.ts';
import { GstCamera, type GstCameraOptions } from '../support/gst-camera.ts';
import { ForeignSubscriber, Mosquitto } from '../support/mosquitto.ts';
import { readMp4 } from '../support/mp4-reader.ts';
import { boxAt } from './boxes.ts';
import { packets } from './encoded.ts';
import { type AgentEnd, SITE, VideoPlane } from './plane.ts';

export interface Parts {
  readonly broker: Mosquitto;
  readonly plane: VideoPlane;
  readonly subscriber: ForeignSubscriber;
}

/** A real broker, the video process, and a subscriber that this project did not write. */
export async function parts(t: Test, ...args: string[]): Promise<Parts> {
  const broker = await Mosquitto.start(t.testdir());
  t.teardown(() => broker.stop());
  const plane = await VideoPlane.start(broker.url, ...args);
  t.teardown(() => plane.stop());
  const subscriber = await ForeignSubscriber.start(broker, [`csu/v1/${SITE}/+/media/main`]);
  t.teardown(() => subscriber.stop());
  return { broker, plane, subscriber };
}

export async function camera(t: Test, options: GstCameraOptions): Promise<GstCamera> {
  const made = await GstCamera.start({ width: 320, height: 240, fps: 25, gop: 25, ...options });
  t.teardown(() => made.stop());
  return made;
}

const sha1 = (nal: Buffer) => createHash('sha1').update(nal).digest('hex');

/** The NAL units of each sample of a file, hashed. */
export async function samples(file: Buffer): Promise<string[][]> {
  return (await readMp4(file)).samples.map(({ nals }) => nals.map(sha1));
}

/** What came for a camera so far. */
export function mediaOf(subscriber: ForeignSubscriber, id = 'cam-a'): Buffer[] {
  const topic = mediaTopic(SITE, id);
  return subscriber.messages.filter((message) => message.topic === topic).map(({ payload }) => payload);
}

/** Pictures of a file, as ffprobe counts them. */
export const frames = (file: Buffer) => packets(file).length;

/** Resolves when so many pictures of a camera are in. */
export async function received(subscriber: ForeignSubscriber, count: number, id = 'cam-a'): Promise<void> {
  const inFragment = (payload: Buffer) => boxAt(payload, 'moof', 'traf', 'trun').body.readUInt32BE(4);
  await subscriber.message(
    () => mediaOf(subscriber, id).reduce((sum, payload) => sum + inFragment(payload), 0) >= count,
  );
}

/** Resolves when so many pictures of all cameras have come to the video process. */
export async function measured(agent: AgentEnd, count: number): Promise<void> {
  await agent.until(() => agent.measures.reduce((sum, { frames: came }) => sum + came, 0) >= count);
}

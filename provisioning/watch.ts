import { systemClock } from '../agent/base/clock.ts';
import { plainJson } from '../agent/base/text.ts';
import { parseTopic, type Topic } from '../agent/contract/topics.ts';
import type { CsuFolder } from './folder.ts';
import { describeMessage } from './lines.ts';
import { withBroker } from './link.ts';
import type { Texts } from './texts.ts';

export interface WatchOptions {
  /** A site, or `+` for every box. */
  readonly site: string;
  readonly broker: string;
  /** One JSON object per message instead of words. */
  readonly json: boolean;
  readonly texts: Texts;
}

/** How often the bytes of pictures are told, ms. */
const MEDIA_INTERVAL_MS = 10_000;
/** Cameras whose pictures have a count of their own. */
const MAX_COUNTED = 1000;

/**
 * Hands over a line for each message of the boxes until the signal aborts. Pictures are counted, never shown.
 * @throws UplinkError when the first connection fails
 */
export async function watchBoxes(
  csu: CsuFolder,
  { site, broker, json, texts }: WatchOptions,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const media = new MediaCount();
  const onMessage = (name: string, payload: Buffer, retain: boolean) => {
    const topic = parseTopic(name);
    if (!topic) return;
    if (topic.class === 'media') media.add(topic, payload.length);
    else if (json) onLine(rawLine(name, payload, retain));
    else described(topic, payload);
  };
  const described = (topic: Topic, payload: Buffer) => {
    const line = payload.length === 0 ? undefined : describeMessage(topic, payload, texts);
    if (line !== undefined) onLine(line);
  };
  const classes = json ? ['state', 'meas', 'event', 'hist', 'media'] : ['state', 'event', 'hist', 'media'];
  const subscriptions = classes.map((name) => `csu/v1/${site}/+/${name}/+`);
  await withBroker(csu.identity, { broker, subscriptions, onMessage }, signal, async () => {
    while (!signal.aborted) {
      await systemClock.sleep(MEDIA_INTERVAL_MS, signal).catch(() => undefined);
      for (const line of media.take(json, texts)) onLine(line);
    }
  });
}

function rawLine(topic: string, payload: Buffer, retain: boolean): string {
  const text = payload.toString();
  try {
    return plainJson(JSON.stringify({ topic, retain, message: text === '' ? null : JSON.parse(text) }));
  } catch {
    return plainJson(JSON.stringify({ topic, retain, text }));
  }
}

/** Counts the pictures of each camera. */
class MediaCount {
  readonly #counts = new Map<string, { messages: number; bytes: number }>();

  add({ site, entity }: Topic, bytes: number): void {
    const camera = `${site} ${entity}`;
    const count = this.#counts.get(camera) ?? { messages: 0, bytes: 0 };
    if (count.messages === 0 && this.#counts.size >= MAX_COUNTED) return;
    this.#counts.set(camera, { messages: count.messages + 1, bytes: count.bytes + bytes });
  }

  /** A line for each camera that sent pictures since the last call. */
  take(json: boolean, { media }: Texts): string[] {
    const lines = [...this.#counts].map(([camera, { messages, bytes }]) =>
      json
        ? JSON.stringify({ media: camera, messages, bytes })
        : `${camera} ${media}: ${messages} messages, ${Math.round(bytes / 1024)} KiB`,
    );
    this.#counts.clear();
    return lines;
  }
}

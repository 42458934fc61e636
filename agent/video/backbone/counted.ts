import type { MediaPublisher } from '../mqtt-destination.ts';

/** The same way to the broker, on which what is sent is counted. */
export function counted(publisher: MediaPublisher, sent: (bytes: number) => void): MediaPublisher {
  return {
    get connected() {
      return publisher.connected;
    },
    get goneBytes() {
      return publisher.goneBytes;
    },
    sendNow: (topic, parts) => {
      const goneAt = publisher.sendNow(topic, parts);
      if (typeof goneAt === 'number') sent(parts.reduce((sum, part) => sum + part.length, 0));
      return goneAt;
    },
    listen: (listener) => publisher.listen(listener),
  };
}

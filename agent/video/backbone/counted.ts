import type { MediaPublisher } from '../mqtt-destination.ts';

/** The same way to the broker, on which what is sent is counted. */
export function counted(publisher: MediaPublisher, sent: (bytes: number) => void): MediaPublisher {
  return {
    get connected() {
      return publisher.connected;
    },
    sendNow: (lane, topic, parts, left) => {
      const refusal = publisher.sendNow(lane, topic, parts, left);
      if (refusal === undefined) sent(parts.reduce((sum, part) => sum + part.length, 0));
      return refusal;
    },
    withdraw: (lane) => publisher.withdraw(lane),
    listen: (listener) => publisher.listen(listener),
  };
}

import type { CameraPoint } from '../ports.ts';

/** What the events of one kind of points look like. */
interface EventKind {
  /** Topics without prefixes and in small letters; what follows them is one more condition. */
  readonly topics: readonly string[];
  /** The event says that something happened, and no event ever says that it is over. */
  readonly happening: boolean;
}

/**
 * Source: the topics of ONVIF release 26.06; makers' own ones beside them where they are known, more of them in the
 * configuration.
 * @see ONVIF Device IO Service Specification §5.10.1, ONVIF Imaging Service Specification, section Events, ONVIF Core
 *   Specification, annex on event topics
 */
export const EVENT_KINDS: Readonly<Record<CameraPoint['kind'], EventKind>> = {
  'digital-input': { topics: ['device/trigger/digitalinput'], happening: false },
  tampering: {
    topics: [
      'videosource/globalscenechange',
      'videosource/imagetooblurry',
      'videosource/imagetoodark',
      'videosource/imagetoobright',
      'device/tampering',
      'videosource/tampering',
      'ruleengine/tamperdetector/tamper',
    ],
    happening: false,
  },
  'signal-loss': { topics: ['videosource/signalloss'], happening: false },
  'hardware-failure': { topics: ['device/hardwarefailure'], happening: false },
  'login-failure': { topics: ['device/securitypolicy/authfailed'], happening: true },
  'configuration-changed': {
    topics: ['media/configurationchanged', 'media/profilechanged', 'configuration'],
    happening: true,
  },
};

/** The topic without the prefixes of its levels, which are the sender's choice, in small letters. */
export function plainTopic(topic: string): string {
  return topic
    .split('/')
    .map((level) => level.slice(level.lastIndexOf(':') + 1).trim())
    .filter((level) => level !== '')
    .join('/')
    .toLowerCase();
}

/** Whether an event of this topic, in plain form, is one for the point. */
export function isTopicOf({ kind, topics = [] }: CameraPoint, topic: string): boolean {
  return [...EVENT_KINDS[kind].topics, ...topics.map(plainTopic)].some(
    (known) => topic === known || topic.startsWith(`${known}/`),
  );
}

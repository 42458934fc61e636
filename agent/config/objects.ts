import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { objectId, severity } from '../contract/messages.ts';
import { anyPoint, credentials, debounce, host, name, port, vital } from './words.ts';

const brokerId = z
  .string()
  .regex(/^mqtt-[a-z0-9][a-z0-9-]{0,56}$/, 'expected mqtt- and a name in small letters');

/** A broker of the building, or on the box itself, to which connected objects publish. */
export const localBroker = z.strictObject({
  id: brokerId,
  name,
  host: host.meta({ description: 'address of the broker; 127.0.0.1 when it runs on the box itself' }),
  port: port.default(1883),
  tls: z
    .strictObject({
      authorities: z
        .string()
        .max(32_768)
        .refine(isCertificates, 'expected certificates in PEM')
        .meta({ description: 'PEM of the authority, or of the certificate itself: no other is believed' }),
      serverName: host.optional().meta({ description: 'name in the certificate, where it is not host' }),
    })
    .optional()
    .meta({ description: 'absent where the broker speaks no TLS' }),
  credentials: credentials
    .optional()
    .meta({ description: 'absent where the broker asks for none; without tls they travel in clear' }),
  maxPayloadBytes: z
    .int()
    .min(16)
    .max(65_536)
    .default(4096)
    .meta({ description: 'longer messages are thrown away and reported' }),
});

/** One value that a connected object publishes. */
export const connectedObject = z.strictObject({
  id: objectId,
  name: name.meta({ description: 'what operators call the value' }),
  broker: brokerId.meta({ description: 'broker that the object publishes to' }),
  topic: z
    .string()
    .min(1)
    .max(256)
    .refine(isPlainTopic, 'expected one topic, without wildcard')
    .meta({ description: 'topic at that broker; several objects may share one' }),
  pointer: z
    .string()
    .max(256)
    .regex(/^(\/([^~/]|~[01])*)+$/, 'expected a JSON pointer such as /battery')
    .optional()
    .meta({ description: 'JSON pointer (RFC 6901) to the value; absent where the message is the value' }),
  unit: z.string().min(1).max(16).optional().meta({ description: 'said with each measure' }),
  silentAfterS: z.int().min(5).max(604_800).default(3600).meta({
    description: 'seconds without a value until its points are unknown and an object-silence is raised',
  }),
  maxPerS: z.number().min(0.1).max(100).default(5).meta({
    description: 'messages per second that are judged, beyond a burst of 20; of more, the last one',
  }),
  measureEveryS: z
    .int()
    .min(1)
    .max(86_400)
    .default(60)
    .meta({ description: 'shortest time between two measures that go up, seconds' }),
});

const ofObject = {
  ...anyPoint,
  object: objectId.meta({ description: 'connected object that the point is of' }),
};
const category = z
  .enum(['technical', 'water', 'temperature', 'gas', 'fire', 'intrusion', 'tamper', 'power', 'battery'])
  .default('technical')
  .meta({ description: 'what the alarm is about; it gives the codes, see alarms.md' });
const hysteresis = z
  .number()
  .min(0)
  .default(0)
  .meta({ description: 'how far back beyond the limit the value must come until the alarm ends' });

/** The kinds of points that connected objects feed. */
export const objectPoints = [
  z.strictObject({
    ...ofObject,
    kind: z.literal('object-above').meta({ description: 'the value is above the limit' }),
    ...debounce,
    limit: z.number(),
    hysteresis,
    category,
    ...vital,
    severity: severity.default('major'),
  }),
  z.strictObject({
    ...ofObject,
    kind: z.literal('object-below').meta({ description: 'the value is below the limit' }),
    ...debounce,
    limit: z.number(),
    hysteresis,
    category,
    ...vital,
    severity: severity.default('major'),
  }),
  z.strictObject({
    ...ofObject,
    kind: z.literal('object-equal').meta({ description: 'the value is this one' }),
    ...debounce,
    equals: z
      .union([z.number(), z.boolean(), z.string().max(256)])
      .meta({ description: 'a number, true or false, or a text to the letter' }),
    category,
    ...vital,
    severity: severity.default('major'),
  }),
  z.strictObject({
    ...ofObject,
    kind: z.literal('object-silence').meta({ description: 'no value comes' }),
    severity: severity.default('warning'),
  }),
] as const;

function isPlainTopic(topic: string): boolean {
  return !/[+#\0]/.test(topic) && !topic.startsWith('$share/');
}

function isCertificates(pem: string): boolean {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.length > 0 && blocks.every(isCertificate);
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}

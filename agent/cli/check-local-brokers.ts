import { randomBytes } from 'node:crypto';
import { systemClock } from '../base/clock.ts';
import { DeviceError } from '../base/errors.ts';
import type { OpenedConfiguration } from '../config/opened.ts';
import { type LocalBroker, listenToBroker, localClientId } from '../uplink/local-broker.ts';
import { type Finding, failed, good } from './findings.ts';
import type { Language } from './language.ts';

const TIMEOUT_MS = 10_000;
const WORDS = {
  fr: {
    broker: 'Courtier local',
    heard: (topics: number) => `session acceptée, ${topics} sujet(s) accordé(s)`,
  },
  en: { broker: 'Local broker', heard: (topics: number) => `session accepted, ${topics} topic(s) granted` },
} as const;

/** Tries the brokers of connected objects with their logins and topics, under names of their own. */
export async function checkLocalBrokers(
  { localBrokers, objects }: OpenedConfiguration,
  language: Language,
): Promise<Finding[]> {
  const topicsOf = (id: string) => objects.filter(({ broker }) => broker === id).map(({ topic }) => topic);
  return await Promise.all(localBrokers.map((broker) => check(broker, topicsOf(broker.id), language)));
}

async function check(broker: LocalBroker, topics: readonly string[], language: Language): Promise<Finding> {
  const words = WORDS[language];
  const what = `${words.broker} ${broker.id} (${broker.host}:${broker.port})`;
  try {
    const refused = await grantedBy(broker, topics);
    if (refused.length === 0) return good(what, words.heard(topics.length));
    return failed(what, new DeviceError('equipment-refused', `no right to ${refused.join(', ')}`), language);
  } catch (thrown) {
    return failed(what, thrown, language);
  }
}

/** Connects, asks for the topics and leaves. @returns those that were refused */
async function grantedBy(broker: LocalBroker, topics: readonly string[]): Promise<readonly string[]> {
  const answered = Promise.withResolvers<readonly string[]>();
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const leave = new AbortController();
  const clientId = localClientId(randomBytes(6).toString('hex'), broker.id);
  const handler = { subscribed: answered.resolve, message: () => false, tooLarge: () => undefined };
  const signal = AbortSignal.any([limit, leave.signal]);
  const session = listenToBroker(systemClock, broker, { clientId, topics }, handler, signal);
  session.catch(answered.reject);
  try {
    return await answered.promise;
  } catch (thrown) {
    if (!limit.aborted) throw thrown;
    throw new DeviceError('equipment-silent', `${broker.id}: no session within ${TIMEOUT_MS} ms`);
  } finally {
    leave.abort();
  }
}

import { systemClock } from '../agent/base/clock.ts';
import type { Code } from '../agent/base/codes.ts';
import { ConfigurationError, UplinkError } from '../agent/base/errors.ts';
import { limited } from '../agent/base/limit.ts';
import { type CommandEvent, MESSAGES } from '../agent/contract/messages.ts';
import { configOrder, jwsGeneral } from '../agent/contract/orders.ts';
import { buildTopic, commandTopic, desiredConfigTopic } from '../agent/contract/topics.ts';
import { parseStrictJson } from '../agent/trust/strict-json.ts';
import type { CsuFolder } from './folder.ts';
import { withBroker } from './link.ts';
import { payloadHash, type SignedCommand, type SignedConfiguration } from './sign.ts';

export interface ExchangeOptions {
  readonly site: string;
  readonly broker: string;
  /** How long to wait for the word of the box, ms. */
  readonly waitMs: number;
}

/** The last word of the box on a configuration. */
export interface PushOutcome {
  readonly phase: 'applied' | 'failed' | 'refused';
  readonly version: number;
  readonly cause: Code | 'none';
  readonly detail: string;
}

/**
 * Reads back what `signConfiguration` made.
 * @throws ConfigurationError `command-line-invalid`
 */
export function readSignedConfiguration(jws: string): SignedConfiguration {
  try {
    const payload = Buffer.from(jwsGeneral.parse(parseStrictJson(jws)).payload, 'base64url');
    const { version } = configOrder.parse(parseStrictJson(payload));
    return { jws, version, hash: payloadHash(payload) };
  } catch (cause) {
    throw new ConfigurationError('command-line-invalid', 'expected a configuration signed by beffroi-csu', {
      cause,
    });
  }
}

/**
 * Publishes a signed configuration, retained, and waits for the last word of the box on it.
 * @throws UplinkError `box-silent` when it says nothing in time: the configuration stays on the broker for it
 */
export async function pushConfiguration(
  csu: CsuFolder,
  signed: SignedConfiguration,
  { site, broker, waitMs }: ExchangeOptions,
  signal: AbortSignal,
): Promise<PushOutcome> {
  const state = boxTopic(site, 'state', 'config');
  const refusal = boxTopic(site, 'event', 'refusal');
  const { promise, resolve } = Promise.withResolvers<PushOutcome>();
  let unread = '';
  const onMessage = (topic: string, payload: Buffer) => {
    if (topic === refusal) unread = unreadCause(payload) ?? unread;
    const outcome = topic === state ? configOutcome(payload, signed) : refusalOutcome(payload, signed);
    if (outcome) resolve(outcome);
  };
  const late = () => silent(site, waitMs, unread);
  return await withBroker(
    csu.identity,
    { broker, subscriptions: [state, refusal], onMessage },
    signal,
    async (client) => {
      await client.publish(desiredConfigTopic(site), signed.jws, { qos: 1, retain: true }, signal);
      return await limited(systemClock, waitMs, signal, late, () => promise);
    },
  );
}

/**
 * Publishes a signed command and hands every status over until the command has ended.
 * @returns the last status: `successful`, `failed` or `rejected`
 * @throws UplinkError `box-silent`
 */
export async function sendCommand(
  csu: CsuFolder,
  command: SignedCommand,
  { site, broker, waitMs }: ExchangeOptions,
  onStatus: (status: CommandEvent) => void,
  signal: AbortSignal,
): Promise<CommandEvent> {
  const { promise, resolve } = Promise.withResolvers<CommandEvent>();
  const onMessage = (_topic: string, payload: Buffer) => {
    const status = parseMessage(payload, MESSAGES.command.schema);
    if (status?.command_id !== command.id) return;
    onStatus(status);
    if (ENDED.includes(status.status)) resolve(status);
  };
  const subscriptions = [boxTopic(site, 'event', 'command')];
  return await withBroker(csu.identity, { broker, subscriptions, onMessage }, signal, async (client) => {
    await client.publish(commandTopic(site), command.jws, { qos: 1 }, signal);
    return await limited(
      systemClock,
      waitMs,
      signal,
      () => silent(site, waitMs, ''),
      () => promise,
    );
  });
}

const ENDED: readonly CommandEvent['status'][] = ['successful', 'failed', 'rejected'];

function configOutcome(payload: Buffer, signed: SignedConfiguration): PushOutcome | undefined {
  const state = parseMessage(payload, MESSAGES.config.schema);
  if (state?.hash !== signed.hash || (state.phase !== 'applied' && state.phase !== 'failed'))
    return undefined;
  return { phase: state.phase, version: state.version, cause: state.cause, detail: state.errors };
}

function refusalOutcome(payload: Buffer, { version }: SignedConfiguration): PushOutcome | undefined {
  const event = parseMessage(payload, MESSAGES.refusal.schema);
  if (event?.order !== 'configuration' || event.order_id !== String(version)) return undefined;
  return { phase: 'refused', version, cause: event.cause, detail: event.detail };
}

/** A box names no version of an order without a good signature: then only the cause is known. */
function unreadCause(payload: Buffer): string | undefined {
  const event = parseMessage(payload, MESSAGES.refusal.schema);
  return event?.order === 'configuration' && event.order_id === '' ? event.cause : undefined;
}

interface Parser<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false };
}

function parseMessage<T>(payload: Buffer, schema: Parser<T>): T | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(payload.toString()));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

function boxTopic(site: string, topicClass: 'state' | 'event', name: string): string {
  return buildTopic({ site, entity: 'collector', class: topicClass, name });
}

/** @param unread why the box refused an order whose version it could not believe; empty when it refused none */
function silent(site: string, waitMs: number, unread: string): UplinkError {
  const refused = unread === '' ? '' : `; it refused an order that it could not believe: ${unread}`;
  return new UplinkError(
    'box-silent',
    `${site}: expected an answer within ${waitMs / 1000} s, none came${refused}`,
  );
}

import { createHash, randomBytes } from 'node:crypto';
import { ConfigurationError } from '../agent/base/errors.ts';
import { describeIssues } from '../agent/config/issues.ts';
import {
  type CommandName,
  type CommandOrder,
  type ConfigOrder,
  commandOrder,
  type KeyringDocument,
  type ReceiptOrder,
  type Role,
} from '../agent/contract/orders.ts';
import type { ReceiptedEvent } from '../agent/contract/receipt.ts';
import { type SigningKey, thumbprint } from '../agent/trust/keys.ts';
import { signOrder } from '../agent/trust/sign.ts';
import { type CsuFolder, checkSite } from './folder.ts';
import { sealConfiguration } from './seal.ts';
import { completePartners } from './viewing/complete.ts';

/** How long a configuration can be taken, days. Source: guess; a box that was off for longer needs a look anyway. */
const CONFIGURATION_VALID_DAYS = 365;
/** How long a command can be taken, s. Source: guess; an operator waits for it. */
const COMMAND_VALID_S = 60;
const DAY_S = 24 * 3600;

/** The keyring: which key may do what, signed by the authority. */
export function signKeyring(
  keys: ReadonlyMap<Role, SigningKey>,
  authority: SigningKey,
  version: number,
  nowMs: number,
): string {
  const document: KeyringDocument = {
    typ: 'keyring',
    version,
    iat: unixS(nowMs),
    keys: [...keys].map(([role, { publicJwk }]) => ({
      kid: thumbprint(publicJwk),
      role,
      label: `CSU ${role}`,
      key: publicJwk,
    })),
  };
  return signOrder(document, [authority]);
}

export interface ConfigurationRequest {
  readonly site: string;
  /** As the schema of the configuration, with `credentials: {version, user, password}` of a camera in clear. */
  readonly configuration: unknown;
  /** One above the last that was signed for the box when absent. */
  readonly version?: number;
  readonly validDays?: number;
  /** Statements of partners, beside those that the configuration holds. */
  readonly consents?: readonly string[];
}

export interface SignedConfiguration {
  readonly jws: string;
  readonly version: number;
  /** SHA-256 of the signed payload, hexadecimal: the box reports it. */
  readonly hash: string;
}

/**
 * Seals every login to the box, checks the whole against the schema, and signs with the `config` key.
 * @throws ConfigurationError `command-line-invalid` with every error and its path; `csu-folder-unusable`
 */
export async function signConfiguration(
  csu: CsuFolder,
  request: ConfigurationRequest,
  nowMs = Date.now(),
): Promise<SignedConfiguration> {
  const box = await csu.box(request.site);
  const completed = await completePartners(csu, request.configuration);
  const configuration = withConsents(completed, request.consents ?? []);
  const config = await sealConfiguration(configuration, box);
  const version = request.version ?? box.configVersion + 1;
  const validDays = request.validDays ?? CONFIGURATION_VALID_DAYS;
  const order: ConfigOrder = {
    typ: 'configuration',
    ...claims(request.site, validDays * DAY_S, nowMs),
    version,
    config,
  };
  const jws = signOrder(order, [await csu.key('config')]);
  await csu.saveBox({ ...box, configVersion: Math.max(box.configVersion, version) });
  return { jws, version, hash: payloadHash(JSON.stringify(order)) };
}

function withConsents(configuration: unknown, more: readonly string[]): unknown {
  if (more.length === 0 || typeof configuration !== 'object' || configuration === null) return configuration;
  const { consents } = configuration as { readonly consents?: unknown };
  return { ...configuration, consents: [...(Array.isArray(consents) ? consents : []), ...more] };
}

/** What a command is about, who gives it, and why: each command has its own of these. */
export interface CommandWords {
  readonly camera?: string;
  readonly point?: string;
  readonly points?: readonly string[];
  readonly cameras?: readonly string[];
  readonly priority?: number;
  readonly mission?: string;
  readonly alarm?: string;
  readonly window?: string;
  /** Unix s, as `start`. */
  readonly until?: number;
  readonly start?: number;
  readonly by?: string;
  readonly why?: string;
  /** The box is worked on. */
  readonly box?: true;
  /** Days of a report. */
  readonly from?: string;
  readonly to?: string;
  /** Of views and leases: who views, for whom, why, until when (Unix s), and which one is meant. */
  readonly operator?: string;
  readonly onBehalfOf?: string;
  readonly reason?: string;
  readonly end?: number;
  readonly view?: string;
  readonly lease?: string;
  readonly done?: string;
}

export interface CommandRequest extends CommandWords {
  readonly site: string;
  readonly command: CommandName;
  readonly validS?: number;
}

export interface SignedCommand {
  readonly jws: string;
  /** Unique id: the statuses of the box name it. */
  readonly id: string;
}

/**
 * Signs a command with the `operate` key.
 * @throws ConfigurationError `command-line-invalid`, `csu-folder-unusable`
 */
export async function signCommand(
  csu: CsuFolder,
  { site, command, validS, ...words }: CommandRequest,
  nowMs = Date.now(),
): Promise<SignedCommand> {
  checkSite(site);
  const given = Object.entries(words).filter(([, value]) => value !== undefined);
  const parsed = commandOrder.safeParse({
    typ: 'command',
    ...claims(site, validS ?? COMMAND_VALID_S, nowMs),
    command,
    ...Object.fromEntries(given),
  });
  if (!parsed.success)
    throw new ConfigurationError('command-line-invalid', describeIssues(parsed.error).join('; '));
  return { jws: signOrder(parsed.data, [await csu.key('operate')]), id: parsed.data.jti };
}

/**
 * Signs that these events are stored.
 * @param key with the role `receive`
 * @param events at least one, at most `MAX_RECEIPT_EVENTS`
 */
export function signReceipt(
  key: SigningKey,
  site: string,
  events: readonly ReceiptedEvent[],
  nowMs: number,
): string {
  const receipt: ReceiptOrder = { typ: 'receipt', aud: site, iat: unixS(nowMs), events: [...events] };
  return signOrder(receipt, [key]);
}

function claims(
  site: string,
  validS: number,
  nowMs: number,
): Pick<CommandOrder, 'aud' | 'jti' | 'iat' | 'exp'> {
  const iat = unixS(nowMs);
  return { aud: site, jti: orderId(), iat, exp: iat + validS };
}

/** As the box computes it: SHA-256 over the bytes that are signed, hexadecimal. */
export function payloadHash(payload: string | Buffer): string {
  return createHash('sha256').update(payload).digest('hex');
}

function unixS(ms: number): number {
  return Math.floor(ms / 1000);
}

/** An id for an order: 128 random bits, without a dash in front, which a command line takes for an option. */
export function orderId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? orderId() : id;
}

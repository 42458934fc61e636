import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigurationError } from '../base/errors.ts';
import { readInstalled } from '../base/files.ts';
import { quoted } from '../base/text.ts';
import { SITE_PATTERN } from '../contract/topics.ts';
import { parseStrictJson } from '../trust/strict-json.ts';
import { describeIssues } from './issues.ts';

const path = z.string().min(1).max(4096);

const brokerUrl = z
  .string()
  .max(512)
  .refine(
    isBrokerUrl,
    'expected mqtts://host[:port], or mqtt:// to a loopback address with "plainLoopback": true',
  );

/** Largest box file, bytes. Source: guess; one with four brokers has 1 KB. */
const MAX_BOX_FILE_BYTES = 64 * 1024;

/** The box file: everything else comes from the CSU. Relative paths are relative to the folder of the file. */
export const boxFileSchema = z
  .strictObject({
    site: z
      .string()
      .regex(SITE_PATTERN, 'expected an INSEE code and a label, such as 57463-mairie')
      .meta({ description: 'INSEE code of the commune and label of the box' }),
    brokers: z.array(brokerUrl).min(1).max(4).meta({ description: 'broker addresses, tried in turn' }),
    backupBrokers: z.array(brokerUrl).max(4).default([]).meta({
      description:
        'broker addresses on the back-up path, such as a 4G router, tried in turn: alarms and the state of the link alone travel there',
    }),
    plainLoopback: z
      .boolean()
      .default(false)
      .meta({ description: 'allows mqtt:// without TLS, to a loopback address only' }),
    tls: z
      .strictObject({
        authorities: path.meta({ description: 'PEM, the certification authority of the brokers' }),
        certificate: path.meta({ description: 'PEM, certificate chain of the box' }),
        key: path.meta({ description: 'PEM, private key of the box' }),
      })
      .optional()
      .meta({ description: 'required unless every broker is plain loopback' }),
    trust: z.strictObject({
      authority: path.meta({ description: 'JWK, public key that signs the keyring' }),
      keyring: path.meta({ description: 'JWS, keyring signed by the authority' }),
      sealKey: path.meta({ description: 'JWK, X25519 private key of the box, opens sealed credentials' }),
      signKey: path.meta({ description: 'JWK, Ed25519 private key of the box, signs the register' }),
    }),
    stateFolder: path.meta({ description: 'durable state' }),
    runtimeFolder: path.meta({ description: 'Unix sockets of the running agent' }),
    clock: z
      .enum(['chrony', 'timesyncd', 'host'])
      .meta({ description: 'what says that the clock is synchronised; host declares it trusted' }),
    decoder: path.default('ffmpeg').meta({
      description:
        'ffmpeg, which decodes key frames for the picture checks: a path, or a name looked for in PATH',
    }),
    logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  })
  .superRefine((box, context) => {
    const urls = [...box.brokers, ...box.backupBrokers];
    const plain = urls.filter((url) => url.startsWith('mqtt://'));
    if (plain.length > 0 && !box.plainLoopback) {
      context.addIssue({
        code: 'custom',
        path: ['plainLoopback'],
        message: 'mqtt:// needs "plainLoopback": true',
      });
    }
    if (plain.length < urls.length && !box.tls) {
      context.addIssue({ code: 'custom', path: ['tls'], message: 'mqtts:// needs the three TLS files' });
    }
  });

export type BoxFile = z.infer<typeof boxFileSchema>;

function isBrokerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || (url.pathname !== '' && url.pathname !== '/'))
    return false;
  if (url.protocol === 'mqtts:') return url.hostname !== '';
  return url.protocol === 'mqtt:' && isLoopback(url.hostname);
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/**
 * Reads and checks the box file.
 * @throws ConfigurationError `box-file-unreadable`, or `box-file-invalid` with every wrong path in the message
 */
export async function readBoxFile(file: string): Promise<BoxFile> {
  const text = (await readInstalled(file, MAX_BOX_FILE_BYTES, 'box-file-unreadable')).toString('utf8');
  const parsed = boxFileSchema.safeParse(parseJson(file, text));
  if (!parsed.success) {
    throw new ConfigurationError('box-file-invalid', `${file}: ${describeIssues(parsed.error).join('; ')}`);
  }
  return absolutePaths(parsed.data, resolve(file, '..'));
}

/** The parser of Node says where JSON breaks, ours that a name stands twice. */
function parseJson(file: string, text: string): unknown {
  try {
    JSON.parse(text);
    return parseStrictJson(text);
  } catch (cause) {
    const why = quoted(String(cause), 200);
    throw new ConfigurationError('box-file-invalid', `${file}: expected JSON: ${why}`, { cause });
  }
}

function absolutePaths(box: BoxFile, folder: string): BoxFile {
  const full = (relative: string) => (isAbsolute(relative) ? relative : resolve(folder, relative));
  const tls = box.tls && mapPaths(box.tls, full);
  return {
    ...box,
    ...(tls ? { tls } : {}),
    trust: mapPaths(box.trust, full),
    stateFolder: full(box.stateFolder),
    runtimeFolder: full(box.runtimeFolder),
  };
}

function mapPaths<T extends Record<string, string>>(paths: T, full: (path: string) => string): T {
  return Object.fromEntries(Object.entries(paths).map(([key, value]) => [key, full(value)])) as T;
}

import { z } from 'zod';
import { SITE_PATTERN } from '../contract/topics.ts';
import { boxFaults } from './box-faults.ts';

const path = z.string().min(1).max(4096);

const brokerUrl = z.string().max(512);

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
    for (const { path, message } of boxFaults(box))
      context.addIssue({ code: 'custom', path: [...path], message });
  });

export type BoxFile = z.infer<typeof boxFileSchema>;

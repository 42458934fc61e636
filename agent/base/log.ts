import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import { BeffroiError } from './errors.ts';
import { scrubUrls } from './text.ts';

export type Log = Logger;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Keys that never reach a log line, whoever puts them there. */
const SECRET_KEYS = ['password', 'credentials', 'authorization', 'secret', 'key', 'sealed'];

const options: LoggerOptions = {
  base: null,
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
  redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`]), censor: '***' },
  serializers: { err: describeError },
  hooks: {
    logMethod(args, method) {
      const clean = args.map((arg) => (typeof arg === 'string' ? scrubUrls(arg) : arg));
      method.apply(this, clean as Parameters<typeof method>);
    },
  },
};

/**
 * A logger that writes JSON lines.
 * @param destination where the lines go; standard output when left out (systemd's journal takes it from there)
 */
export function createLog(level: LogLevel, destination?: DestinationStream): Log {
  return pino({ ...options, level }, destination ?? pino.destination({ dest: 1, sync: true }));
}

/** What a log line says of an error: no stack for our own kinds, URLs scrubbed, the causes in one line. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: scrubUrls(String(error)) };
  const causes = causeMessages(error);
  return {
    ...(error instanceof BeffroiError ? { code: error.code, fault: error.fault } : { type: error.name }),
    message: scrubUrls(error.message),
    ...(causes.length > 0 ? { causes: causes.join(' <- ') } : {}),
    ...(error instanceof BeffroiError ? {} : { stack: scrubUrls(error.stack ?? '') }),
  };
}

function causeMessages(error: Error): string[] {
  const messages: string[] = [];
  for (let cause = error.cause; cause instanceof Error && messages.length < 5; cause = cause.cause) {
    messages.push(scrubUrls(cause.message));
  }
  return messages;
}

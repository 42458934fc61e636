import { CODES, type Code, type CodeOf, type Fault } from './codes.ts';

/**
 * Base of every error that the product throws on purpose.
 * The message says what was expected, what came and from whom, and never holds a secret.
 */
export class BeffroiError extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }

  get fault(): Fault {
    return CODES[this.code].fault;
  }

  get retryable(): boolean {
    return CODES[this.code].retryable;
  }
}

/** The box file or an installed key is at fault: a technician corrects it. */
export class ConfigurationError extends BeffroiError {
  constructor(code: CodeOf<'configuration'>, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** A camera or panel does not do its job. */
export class DeviceError extends BeffroiError {
  constructor(code: CodeOf<'device'>, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** A peer on the commune's side breaks its protocol. */
export class PeerProtocolError extends BeffroiError {
  constructor(code: CodeOf<'peer'>, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** The backbone or the broker is at fault. */
export class UplinkError extends BeffroiError {
  constructor(code: CodeOf<'uplink'>, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** An order of the CSU was refused. */
export class OrderRefusedError extends BeffroiError {
  constructor(code: CodeOf<'order'>, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** Our own fault, or the machine's that carries us. */
export class InternalError extends BeffroiError {
  constructor(code: CodeOf<'ourselves'>, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** The thrown value as an `Error`, whatever was thrown. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new InternalError('internal', `thrown: ${String(thrown)}`);
}

/** The thrown value as one of ours; what is not ours becomes `internal` with the value as its cause. */
export function asBeffroiError(thrown: unknown): BeffroiError {
  if (thrown instanceof BeffroiError) return thrown;
  const error = asError(thrown);
  return new InternalError('internal', error.message, { cause: error });
}

/** The `code` of a Node system error such as `ECONNREFUSED`, else undefined. */
export function systemCode(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

import { type BeffroiError, DeviceError } from '../../base/errors.ts';
import { quoted } from '../../base/text.ts';
import { child, textAt, type XmlElement } from './xml.ts';

/** A SOAP fault: its codes without prefixes, from the outer to the inner. */
export interface SoapFault {
  readonly codes: readonly string[];
  readonly reason: string;
}

const MAX_CODES = 8;

/**
 * The fault in the body of an answer, if there is one; SOAP 1.2, and 1.1 as some cameras still send it.
 * @see ONVIF Core §5.11.2, SOAP 1.2 §5.4
 */
export function readFault(body: XmlElement | undefined): SoapFault | undefined {
  const fault = child(body, 'Fault');
  if (!fault) return undefined;
  const codes = [textAt(fault, 'faultcode')];
  let code = child(fault, 'Code');
  while (code && codes.length < MAX_CODES) {
    codes.push(textAt(code, 'Value'));
    code = child(code, 'Subcode');
  }
  const reason = textAt(fault, 'Reason', 'Text') || textAt(fault, 'faultstring');
  return { codes: codes.filter((one) => one !== '').map((one) => one.replace(/^.*:/, '')), reason };
}

const LOGIN_CODES = new Set([
  'NotAuthorized',
  'FailedAuthentication',
  'FailedCheck',
  'InvalidSecurity',
  'InvalidSecurityToken',
  'SecurityTokenUnavailable',
  'UnsupportedSecurityToken',
  'MessageExpired',
  'SenderNotAuthorized',
]);

/** Whether the camera wants another login, or any. Some say it in words alone. */
export function isLoginFault(fault: SoapFault): boolean {
  return (
    fault.codes.some((code) => LOGIN_CODES.has(code)) ||
    /not\s*authori[sz]ed|unauthori[sz]ed|authority failure|authentication/i.test(fault.reason)
  );
}

/** Whether the camera says that the time of the login is what it refuses. */
export function isClockFault(fault: SoapFault): boolean {
  return (
    fault.codes.includes('MessageExpired') || /time\s*stamp|expired|clock|time check/i.test(fault.reason)
  );
}

const UNSUPPORTED_CODES = new Set([
  'ActionNotSupported',
  'OptionalActionNotImplemented',
  'UnknownAction',
  'NotImplemented',
]);

const BUSY_CODES = new Set(['MaxNumberOfConnections', 'TooManyConnections', 'OutofMemory', 'ServerBusy']);

const UNKNOWN_CODES = new Set(['NoProfile', 'ProfileNotExist', 'NoEntity']);

/**
 * The error of a fault that is not about the login.
 * @see ONVIF Core §5.11.2.2
 */
export function faultError(fault: SoapFault, camera: string, method: string): BeffroiError {
  const said = quoted([...fault.codes, fault.reason].filter((part) => part !== '').join(' '));
  return new DeviceError(faultCode(fault), `${camera}: ${method} was answered with the fault ${said}`);
}

function faultCode(fault: SoapFault) {
  const any = (codes: ReadonlySet<string>) => fault.codes.some((code) => codes.has(code));
  if (any(UNSUPPORTED_CODES)) return 'camera-unsupported';
  if (any(UNKNOWN_CODES)) return 'camera-not-found';
  return any(BUSY_CODES) ? 'camera-busy' : 'camera-fault';
}

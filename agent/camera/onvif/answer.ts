import { type BeffroiError, DeviceError, PeerProtocolError } from '../../base/errors.ts';
import { quoted } from '../../base/text.ts';
import { decodeXml } from '../http/charset.ts';
import type { HttpReply } from '../http/exchange.ts';
import { faultError, isLoginFault, readFault, type SoapFault } from './fault.ts';
import { child, parseXml, type XmlElement } from './xml.ts';

/** What came back on a SOAP request, before anything is concluded from it. */
export interface Answer {
  readonly reply: HttpReply;
  /** The SOAP body; undefined when an error status came with something else. */
  readonly body: XmlElement | undefined;
  readonly fault: SoapFault | undefined;
}

/** The content of a good answer. */
export interface SoapAnswer {
  /** The `…Response` element. */
  readonly content: XmlElement;
  readonly reply: HttpReply;
}

/**
 * Reads a reply. Only a good status must carry SOAP.
 * @throws PeerProtocolError `camera-protocol`
 */
export async function readAnswer(reply: HttpReply, from: string): Promise<Answer> {
  const read = parseXml(decodeXml(reply.body, reply.contentType), from);
  const root = reply.status === 200 ? await read : await read.catch(() => undefined);
  const body = root?.name === 'Envelope' ? child(root, 'Body') : undefined;
  return { reply, body, fault: readFault(body) };
}

/** Whether the camera refuses for want of a login, or because of the login that was sent. */
export function wantsLogin({ reply, fault }: Answer): boolean {
  if (fault) return isLoginFault(fault);
  return [400, 401, 403].includes(reply.status);
}

/**
 * The response element of a method.
 * @throws BeffroiError for a fault, an error status, or another content
 */
export function contentOf(answer: Answer, camera: string, method: string): SoapAnswer {
  const { reply, body, fault } = answer;
  if (fault) throw faultError(fault, camera, method);
  if (reply.status !== 200) throw statusError(reply.status, camera, method);
  const content = child(body, `${method}Response`);
  if (content) return { content, reply };
  const came = body?.children[0]?.name ?? 'no SOAP body';
  throw new PeerProtocolError(
    'camera-protocol',
    `${camera}: expected ${method}Response, came ${quoted(came)}`,
  );
}

function statusError(status: number, camera: string, method: string): BeffroiError {
  const message = `${camera}: ${method} was answered with HTTP status ${status}`;
  if (status === 404 || status === 405 || status === 501)
    return new DeviceError('camera-unsupported', message);
  if (status === 503) return new DeviceError('camera-busy', message);
  return new PeerProtocolError('camera-protocol', message);
}

import { Parser, processors } from 'xml2js';

/** An element as xml2js gives it: child elements as arrays, attributes in `$`, text in `_` or itself. */
export type XmlNode = string | XmlElement;
interface XmlElement {
  readonly [name: string]: XmlNode[] | Record<string, string> | string | undefined;
}

export interface SoapRequest {
  /** Namespace and local name of the first element of the body. */
  readonly namespace: string;
  readonly operation: string;
  readonly body: XmlNode;
  readonly header: XmlNode | undefined;
  readonly messageId: string | undefined;
}

const NAMESPACES = {
  env: 'http://www.w3.org/2003/05/soap-envelope',
  wsa: 'http://www.w3.org/2005/08/addressing',
  tt: 'http://www.onvif.org/ver10/schema',
  tds: 'http://www.onvif.org/ver10/device/wsdl',
  trt: 'http://www.onvif.org/ver10/media/wsdl',
  tr2: 'http://www.onvif.org/ver20/media/wsdl',
  tev: 'http://www.onvif.org/ver10/events/wsdl',
  trc: 'http://www.onvif.org/ver10/recording/wsdl',
  tmd: 'http://www.onvif.org/ver10/deviceIO/wsdl',
  tns1: 'http://www.onvif.org/ver10/topics',
  ter: 'http://www.onvif.org/ver10/error',
  wsnt: 'http://docs.oasis-open.org/wsn/b-2',
  wstop: 'http://docs.oasis-open.org/wsn/t-1',
  'wsrf-r': 'http://docs.oasis-open.org/wsrf/r-2',
  'wsrf-bf': 'http://docs.oasis-open.org/wsrf/bf-2',
  xsd: 'http://www.w3.org/2001/XMLSchema',
} as const;

export type Prefix = keyof typeof NAMESPACES;

/** The prefix that this server uses for a namespace. */
export function prefixOf(namespace: string): Prefix | undefined {
  const found = Object.entries(NAMESPACES).find(([, uri]) => uri === namespace);
  return found?.[0] as Prefix | undefined;
}

export function namespaceOf(prefix: Prefix): string {
  return NAMESPACES[prefix];
}

/** Reads a SOAP 1.2 envelope; undefined when it is none. */
export async function parseSoap(xml: string): Promise<SoapRequest | undefined> {
  const parser = new Parser({
    xmlns: true,
    explicitRoot: false,
    tagNameProcessors: [processors.stripPrefix],
  });
  const root = (await parser.parseStringPromise(xml).catch(() => null)) as XmlNode | null;
  if (root === null || nameOf(root)?.uri !== NAMESPACES.env || nameOf(root)?.local !== 'Envelope')
    return undefined;
  const body = child(root, 'Body');
  if (body === undefined || typeof body === 'string') return undefined;
  const operation = Object.keys(body).find((name) => !name.startsWith('$') && name !== '_');
  const called = operation === undefined ? undefined : child(body, operation);
  if (operation === undefined || called === undefined) return undefined;
  const header = child(root, 'Header');
  const namespace = nameOf(called)?.uri ?? '';
  return { namespace, operation, body: called, header, messageId: text(child(header, 'MessageID')) };
}

/** The first child element of that local name. */
export function child(node: XmlNode | undefined, name: string): XmlNode | undefined {
  if (node === undefined || typeof node === 'string') return undefined;
  const found = node[name];
  return Array.isArray(found) ? found[0] : undefined;
}

/** The text of an element, trimmed. */
export function text(node: XmlNode | undefined): string | undefined {
  if (node === undefined || typeof node === 'string') return node?.trim();
  const { _: inner } = node;
  return typeof inner === 'string' ? inner.trim() : undefined;
}

function nameOf(node: XmlNode | undefined): { readonly uri?: string; readonly local?: string } | undefined {
  if (node === undefined || typeof node === 'string') return undefined;
  const { $ns: name } = node;
  return typeof name === 'object' && !Array.isArray(name) ? name : undefined;
}

/** Text for element content or an attribute value. */
export function xmlText(value: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return value.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}

/** A whole answer around the body's XML. `header` stands inside the SOAP header. */
export function envelope(body: string, header = ''): string {
  const declared = Object.entries(NAMESPACES).map(([prefix, uri]) => `xmlns:${prefix}="${uri}"`);
  const head = header === '' ? '' : `<env:Header>${header}</env:Header>`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<env:Envelope ${declared.join(' ')}>${head}<env:Body>${body}</env:Body></env:Envelope>`;
}

export interface SoapFault {
  readonly fault: 'Sender' | 'Receiver';
  /** Qualified names, outermost first, such as `ter:NotAuthorized`. */
  readonly subcodes: readonly string[];
  readonly reason: string;
  /** XML inside Detail; such faults are those of the event service, which speaks WS-Addressing. */
  readonly detail?: string;
  /** HTTP status; by the SOAP binding 400 for the sender's fault and 500 for ours. */
  readonly status?: number;
}

/** @see SOAP 1.2 part 1 §5.4, ONVIF Core §5.11.2 */
export function faultEnvelope(fault: SoapFault): string {
  const nested = fault.subcodes.reduceRight(
    (inner, code) => `<env:Subcode><env:Value>${code}</env:Value>${inner}</env:Subcode>`,
    '',
  );
  const code = `<env:Code><env:Value>env:${fault.fault}</env:Value>${nested}</env:Code>`;
  const reason = `<env:Reason><env:Text xml:lang="en">${xmlText(fault.reason)}</env:Text></env:Reason>`;
  const detail = fault.detail ? `<env:Detail>${fault.detail}</env:Detail>` : '';
  const action = '<wsa:Action>http://www.w3.org/2005/08/addressing/soap/fault</wsa:Action>';
  return envelope(`<env:Fault>${code}${reason}${detail}</env:Fault>`, fault.detail ? action : '');
}

export const NOT_AUTHORIZED: SoapFault = {
  fault: 'Sender',
  subcodes: ['ter:NotAuthorized'],
  reason: 'Sender not Authorized',
};

export const ACTION_NOT_SUPPORTED: SoapFault = {
  fault: 'Receiver',
  subcodes: ['ter:ActionNotSupported'],
  reason: 'Optional Action Not Implemented',
};

/** @param specific the narrower code, such as `ter:NoProfile` */
export function invalidArgument(specific: string, reason: string): SoapFault {
  return { fault: 'Sender', subcodes: ['ter:InvalidArgVal', specific], reason };
}

import { NAMESPACES } from '../onvif/services.ts';

/** @see WS-Discovery (April 2005) appendix I, WS-Addressing (August 2004); ONVIF Core §7.3 keeps to these. */
const DISCOVERY = 'http://schemas.xmlsoap.org/ws/2005/04/discovery';
const ADDRESSING = 'http://schemas.xmlsoap.org/ws/2004/08/addressing';

/** What is asked for: older cameras answer to the first alone, some answer to the second alone. @see ONVIF Core §7.3.2 */
export const WANTED_TYPES = ['dn:NetworkVideoTransmitter', 'tds:Device'] as const;

const TYPE_NAMESPACES = `xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="${NAMESPACES.device}"`;

/** The question who is there. @param id UUID of the message */
export function probeMessage(id: string, types: (typeof WANTED_TYPES)[number]): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>' +
    `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="${ADDRESSING}" xmlns:d="${DISCOVERY}">` +
    `<s:Header><a:Action s:mustUnderstand="1">${DISCOVERY}/Probe</a:Action>` +
    `<a:MessageID>urn:uuid:${id}</a:MessageID>` +
    `<a:ReplyTo><a:Address>${ADDRESSING}/role/anonymous</a:Address></a:ReplyTo>` +
    '<a:To s:mustUnderstand="1">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>' +
    `<s:Body><d:Probe><d:Types ${TYPE_NAMESPACES}>${types}</d:Types></d:Probe></s:Body></s:Envelope>`
  );
}

/** An answer of a make: how it writes the message, and what it says of itself. Addresses and identifiers are our own. */
export interface Make {
  readonly prefixes: { readonly soap: string; readonly addressing: string; readonly discovery: string };
  /** What stands before the UUID of the question, and before that of the device. */
  readonly relates: 'uuid:' | 'urn:uuid:';
  readonly endpoint: 'uuid:' | 'urn:uuid:';
  readonly types: string;
  /** Scopes; those that begin with `/` are of ONVIF. */
  readonly scopes: string;
  readonly addresses: string;
}

export const UUID = '6EFF0000-9FD2-11B4-8331-00005E005301';
const HOST = '10.20.0.31';
const SERVICE = `http://${HOST}/onvif/device_service`;
const BOTH = 'dn:NetworkVideoTransmitter tds:Device';
const GSOAP = { soap: 'SOAP-ENV', addressing: 'wsa', discovery: 'wsdd' };

/**
 * As devices were seen to answer: what is told of each make are facts of public reports, the sentences are ours.
 * What differs matters: prefixes, blanks and line breaks within scopes, escapes, empty values, addresses of IPv6 beside.
 */
export const MAKES: Readonly<Record<string, Make>> = {
  'AXIS P3265-V': {
    ...{ prefixes: GSOAP, relates: 'uuid:', endpoint: 'urn:uuid:', types: BOTH },
    scopes:
      '/Profile/Streaming /Profile/G /hardware/P3265-V /name/AXIS%20P3265-V /Profile/M /Profile/T /location/',
    addresses: `${SERVICE} https://${HOST}/onvif/device_service`,
  },
  'Hikvision DS-2CD2145FWD-I': {
    prefixes: { soap: 'env', addressing: 'wsadis', discovery: 'd' },
    ...{ relates: 'uuid:', endpoint: 'urn:uuid:', types: BOTH },
    scopes:
      '\n  /type/video_encoder \n  /Profile/Streaming \n  /Profile/G \n  /Profile/T \n  /MAC/00:00:5e:00:53:01 \n  /hardware/DS-2CD2145FWD-I \n  /name/HIKVISION%20DS-2CD2145FWD-I \n  /location/city/hangzhou\n',
    addresses: `${SERVICE} http://[fd00::200:5eff:fe00:5301]/onvif/device_service`,
  },
  'Dahua IPC-HFW2228M': {
    prefixes: { soap: 's', addressing: 'a', discovery: 'd' },
    ...{ relates: 'uuid:', endpoint: 'uuid:', types: BOTH },
    scopes:
      '/location/country/china /name/Dahua /hardware/IPC-HFW2228M-I1-V2 /Profile/Streaming /type/Network_Video_Transmitter /extension/unique_identifier/1 /Profile/T',
    addresses: SERVICE,
  },
  'Bosch FLEXIDOME 5100i': {
    ...{ prefixes: GSOAP, relates: 'urn:uuid:', endpoint: 'urn:uuid:', types: BOTH },
    scopes: '/name/BOSCH-000000000000000001 /location/ /hardware/F000B543 /Profile/Streaming /Profile/T',
    addresses: SERVICE,
  },
  'TP-Link TL-SC3130G': {
    prefixes: { soap: 'soap', addressing: 'wsadis', discovery: 'd' },
    ...{ relates: 'uuid:', endpoint: 'uuid:', types: 'dn:NetworkVideoTransmitter' },
    scopes:
      '/type/video_encoder /type/audio_encoder /type/video_analytic  /location/global /hardware/TL-SC3130G /name/TP-LINK',
    addresses: SERVICE,
  },
  'HeroSpeed, on a port of its own': {
    ...{ prefixes: GSOAP, relates: 'uuid:', endpoint: 'urn:uuid:', types: 'tdn:NetworkVideoTransmitter' },
    scopes:
      '/type/NetworkVideoTransmitter /type/video_encoder /location/city/guangzhou /hardware/IPCamera /name/IPCamera /manufacturer/HeroSpeed',
    addresses: `http://${HOST}:8999/onvif/device_service`,
  },
  'serial number and hardware address by the standard of 2023': {
    ...{ prefixes: GSOAP, relates: 'urn:uuid:', endpoint: 'urn:uuid:', types: 'tds:Device' },
    scopes:
      '/Profile/T /name/Quai /hardware/M1 /SerialNumber/SN-0001 /MacAddress/00-00-5E-00-53-01 http://maker.example/scope',
    addresses: SERVICE,
  },
};

/** The answer to a question. */
export function answerOf(make: Make, question: string): string {
  const { soap: s, addressing: a, discovery: d } = make.prefixes;
  const scopes = make.scopes.replaceAll(/(?<=^|\s)\//g, 'onvif://www.onvif.org/');
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<${s}:Envelope xmlns:${s}="http://www.w3.org/2003/05/soap-envelope"` +
    ` xmlns:${a}="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:${d}="http://schemas.xmlsoap.org/ws/2005/04/discovery">` +
    `<${s}:Header><${a}:MessageID>uuid:${UUID}</${a}:MessageID><${a}:RelatesTo>${make.relates}${question}</${a}:RelatesTo>` +
    `<${d}:AppSequence InstanceId="1" MessageNumber="7"/></${s}:Header><${s}:Body><${d}:ProbeMatches><${d}:ProbeMatch>` +
    `<${a}:EndpointReference><${a}:Address>${make.endpoint}${UUID}</${a}:Address></${a}:EndpointReference>` +
    `<${d}:Types>${make.types}</${d}:Types><${d}:Scopes>${scopes}</${d}:Scopes><${d}:XAddrs>${make.addresses}</${d}:XAddrs>` +
    `<${d}:MetadataVersion>10</${d}:MetadataVersion></${d}:ProbeMatch></${d}:ProbeMatches></${s}:Body></${s}:Envelope>`
  );
}

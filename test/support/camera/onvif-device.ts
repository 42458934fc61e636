import type { Clip } from '../clips.ts';
import { invalidArgument, namespaceOf, type Prefix, type SoapFault, xmlText } from './soap.ts';

/** What the legal profile of a camera is about; it may change while the camera runs. */
export interface LegalSide {
  sound: boolean;
  /** Corners of each privacy mask; undefined: the camera has no masks by ONVIF. */
  masks: readonly (readonly (readonly [x: number, y: number])[])[] | undefined;
  /** `MaximumRetentionTime` of the card; undefined: no recording service. */
  retention: string | undefined;
}

/** The device behind the services: what its answers speak of. */
export interface OnvifDevice {
  readonly name: string;
  readonly clip: Clip;
  readonly inputs: readonly string[];
  readonly media2: boolean;
  readonly inputsSay: 'open' | 'closed' | 'configurable' | undefined;
  /** What the legal profile of a camera is about. */
  readonly legal?: LegalSide;
  /** Address of its time server. */
  readonly timeServer?: string;
  readonly wallMs: () => number;
  readonly serial: () => string;
  /** Address of the stream for a client that reached the camera under this host name. */
  readonly streamUrl: (hostName: string) => string;
  /** Address of the encrypted stream. */
  readonly secureUrl?: string;
  /** Address of the stream of a second, smaller profile. */
  readonly subUrl?: string;
}

/** What a request brings along. */
interface Asked {
  /** `host:port` for the addresses in the answer. */
  readonly host: string;
  /** Value of the element ProfileToken. */
  readonly profileToken: string | undefined;
  /** Value of the element Protocol. */
  readonly protocol?: string | undefined;
}

type Answer = (device: OnvifDevice, asked: Asked) => string | SoapFault;

const PROFILE = 'profile_1';
const SUB_PROFILE = 'profile_2';
const VIDEO_SOURCE = 'video_source_1';
const SIZE = '<tt:Width>640</tt:Width><tt:Height>360</tt:Height>';

/** The video source of every simulated camera. */
export const VIDEO_SOURCE_TOKEN = VIDEO_SOURCE;

/** Path of a service. */
function servicePath(prefix: Prefix): string {
  const names: Partial<Record<Prefix, string>> = {
    tds: 'device',
    trt: 'media',
    tr2: 'media2',
    tev: 'event',
    trc: 'recording',
  };
  return `/onvif/${names[prefix] ?? 'deviceio'}_service`;
}

const PRE_AUTH: ReadonlySet<string> = new Set([
  'tds:GetSystemDateAndTime',
  'tds:GetServices',
  'tds:GetCapabilities',
  'tds:GetHostname',
]);

/** Operations of the access class PRE_AUTH need no login. @see ONVIF Core §5.9.4.3 */
export function needsLogin(operation: string): boolean {
  return !PRE_AUTH.has(operation) && !operation.endsWith(':GetServiceCapabilities');
}

/** Answers of the services device, media, media 2 and device I/O, by `prefix:Operation`. */
export const ANSWERS: Readonly<Record<string, Answer>> = {
  'tds:GetSystemDateAndTime': dateAndTime,
  'tds:GetServices': services,
  'tds:GetCapabilities': capabilities,
  'tds:GetServiceCapabilities': () =>
    '<tds:Capabilities><tds:Network/><tds:Security HttpDigest="true" UsernameToken="true"/><tds:System/></tds:Capabilities>',
  'tds:GetHostname': (device) =>
    `<tds:HostnameInformation><tt:FromDHCP>false</tt:FromDHCP><tt:Name>${xmlText(device.name)}</tt:Name></tds:HostnameInformation>`,
  'tds:GetDeviceInformation': deviceInformation,
  'tds:GetNTP': ({ timeServer = '10.0.0.1' }) =>
    '<tds:NTPInformation><tt:FromDHCP>false</tt:FromDHCP><tt:NTPManual><tt:Type>IPv4</tt:Type>' +
    `<tt:IPv4Address>${xmlText(timeServer)}</tt:IPv4Address></tt:NTPManual></tds:NTPInformation>`,
  'trt:GetServiceCapabilities': () =>
    '<trt:Capabilities SnapshotUri="false"><trt:ProfileCapabilities MaximumNumberOfProfiles="1"/>' +
    '<trt:StreamingCapabilities RTP_RTSP_TCP="true"/></trt:Capabilities>',
  'trt:GetProfiles': (device) =>
    `<trt:Profiles token="${PROFILE}" fixed="true">${profile(device)}</trt:Profiles>`,
  'trt:GetProfile': (device, asked) =>
    unknownProfile(asked) ?? `<trt:Profile token="${PROFILE}" fixed="true">${profile(device)}</trt:Profile>`,
  'trt:GetVideoSources': (device) =>
    `<trt:VideoSources token="${VIDEO_SOURCE}"><tt:Framerate>${device.clip.framesPerSecond}</tt:Framerate>` +
    `<tt:Resolution>${SIZE}</tt:Resolution></trt:VideoSources>`,
  'trt:GetStreamUri': (device, asked) => unknownProfile(asked) ?? mediaUri(device, asked),
  'tr2:GetMasks': (device) => (device.legal?.masks ?? []).map(mask).join(''),
  'trc:GetRecordings': (device) =>
    '<trc:RecordingItem><tt:RecordingToken>card</tt:RecordingToken><tt:Configuration><tt:Content>main</tt:Content>' +
    `<tt:MaximumRetentionTime>${device.legal?.retention ?? 'PT0S'}</tt:MaximumRetentionTime></tt:Configuration></trc:RecordingItem>`,
  'tr2:GetServiceCapabilities': (device) =>
    `<tr2:Capabilities SnapshotUri="false"${device.legal?.masks ? ' Mask="true"' : ''}><tr2:ProfileCapabilities MaximumNumberOfProfiles="1"` +
    ' ConfigurationsSupported="VideoSource VideoEncoder"/>' +
    '<tr2:StreamingCapabilities RTSPStreaming="true" RTP_RTSP_TCP="true"/></tr2:Capabilities>',
  'tr2:GetProfiles': profiles2,
  'tr2:GetStreamUri': (device, asked) =>
    unknownStream(device, asked) ?? `<tr2:Uri>${xmlText(streamUrl(device, asked))}</tr2:Uri>`,
  'tmd:GetServiceCapabilities': (device) =>
    `<tmd:Capabilities VideoSources="1" RelayOutputs="0" DigitalInputs="${device.inputs.length}"` +
    `${device.inputsSay === 'configurable' ? ' DigitalInputOptions="true"' : ''}/>`,
  'tmd:GetDigitalInputs': (device) =>
    device.inputs.map((token) => `<tmd:DigitalInputs token="${xmlText(token)}"${idleOf(device)}/>`).join(''),
};

/** One whose inputs can be configured says its quiet state too, and it means nothing. */
function idleOf({ inputsSay }: OnvifDevice): string {
  if (inputsSay === undefined) return '';
  return ` IdleState="${inputsSay === 'open' ? 'open' : 'closed'}"`;
}

function hostName(asked: Asked): string {
  return asked.host.replace(/:\d+$/, '');
}

function unknownStream(device: OnvifDevice, asked: Asked): SoapFault | undefined {
  const isSub = asked.profileToken === SUB_PROFILE && device.subUrl !== undefined;
  return isSub ? undefined : unknownProfile(asked);
}

function streamUrl({ subUrl, secureUrl, streamUrl: plain }: OnvifDevice, asked: Asked): string {
  if (subUrl !== undefined && asked.profileToken === SUB_PROFILE) return subUrl;
  return secureUrl !== undefined && asked.protocol === 'RtspsUnicast' ? secureUrl : plain(hostName(asked));
}

function unknownProfile(asked: Asked): SoapFault | undefined {
  if (asked.profileToken === PROFILE) return undefined;
  return invalidArgument('ter:NoProfile', 'The requested profile token does not exist');
}

function dateAndTime(device: OnvifDevice): string {
  const now = new Date(device.wallMs());
  const time = `<tt:Hour>${now.getUTCHours()}</tt:Hour><tt:Minute>${now.getUTCMinutes()}</tt:Minute><tt:Second>${now.getUTCSeconds()}</tt:Second>`;
  const date = `<tt:Year>${now.getUTCFullYear()}</tt:Year><tt:Month>${now.getUTCMonth() + 1}</tt:Month><tt:Day>${now.getUTCDate()}</tt:Day>`;
  return (
    '<tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>' +
    '<tt:TimeZone><tt:TZ>CET-1CEST,M3.5.0,M10.5.0/3</tt:TZ></tt:TimeZone>' +
    `<tt:UTCDateTime><tt:Time>${time}</tt:Time><tt:Date>${date}</tt:Date></tt:UTCDateTime></tds:SystemDateAndTime>`
  );
}

function services(device: OnvifDevice, asked: Asked): string {
  const offered: Prefix[] = ['tds', 'trt', 'tev', 'tmd'];
  if (device.media2) offered.push('tr2');
  if (device.legal?.retention !== undefined) offered.push('trc');
  return offered.map((prefix) => service(prefix, asked)).join('');
}

function service(prefix: Prefix, asked: Asked): string {
  const version = '<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version>';
  const address = `<tds:XAddr>${serviceAddress(prefix, asked)}</tds:XAddr>`;
  return `<tds:Service><tds:Namespace>${namespaceOf(prefix)}</tds:Namespace>${address}${version}</tds:Service>`;
}

function serviceAddress(prefix: Prefix, asked: Asked): string {
  return xmlText(`http://${asked.host}${servicePath(prefix)}`);
}

function capabilities(device: OnvifDevice, asked: Asked): string {
  const at = (prefix: Prefix) => `<tt:XAddr>${serviceAddress(prefix, asked)}</tt:XAddr>`;
  return (
    `<tds:Capabilities><tt:Device>${at('tds')}<tt:IO><tt:InputConnectors>${device.inputs.length}</tt:InputConnectors>` +
    '<tt:RelayOutputs>0</tt:RelayOutputs></tt:IO></tt:Device>' +
    `<tt:Events>${at('tev')}<tt:WSSubscriptionPolicySupport>false</tt:WSSubscriptionPolicySupport>` +
    '<tt:WSPullPointSupport>true</tt:WSPullPointSupport>' +
    '<tt:WSPausableSubscriptionManagerInterfaceSupport>false</tt:WSPausableSubscriptionManagerInterfaceSupport></tt:Events>' +
    `<tt:Media>${at('trt')}<tt:StreamingCapabilities><tt:RTPMulticast>false</tt:RTPMulticast><tt:RTP_TCP>false</tt:RTP_TCP>` +
    '<tt:RTP_RTSP_TCP>true</tt:RTP_RTSP_TCP></tt:StreamingCapabilities></tt:Media>' +
    `<tt:Extension><tt:DeviceIO>${at('tmd')}<tt:VideoSources>1</tt:VideoSources><tt:VideoOutputs>0</tt:VideoOutputs>` +
    '<tt:AudioSources>0</tt:AudioSources><tt:AudioOutputs>0</tt:AudioOutputs><tt:RelayOutputs>0</tt:RelayOutputs>' +
    '</tt:DeviceIO></tt:Extension></tds:Capabilities>'
  );
}

function deviceInformation(device: OnvifDevice): string {
  return (
    '<tds:Manufacturer>Beffroi</tds:Manufacturer><tds:Model>Simulated Camera</tds:Model>' +
    '<tds:FirmwareVersion>1.0</tds:FirmwareVersion>' +
    `<tds:SerialNumber>${xmlText(device.serial())}</tds:SerialNumber><tds:HardwareId>1</tds:HardwareId>`
  );
}

function videoSource(): string {
  return `<tt:Name>source</tt:Name><tt:UseCount>1</tt:UseCount><tt:SourceToken>${VIDEO_SOURCE}</tt:SourceToken><tt:Bounds x="0" y="0" width="640" height="360"/>`;
}

/** A profile of Media 1, whose schema has no H.265: such a profile shows no encoder there. */
function profile(device: OnvifDevice): string {
  const source = `<tt:VideoSourceConfiguration token="source_1">${videoSource()}</tt:VideoSourceConfiguration>`;
  const rate = `<tt:RateControl><tt:FrameRateLimit>${device.clip.framesPerSecond}</tt:FrameRateLimit><tt:EncodingInterval>1</tt:EncodingInterval><tt:BitrateLimit>480</tt:BitrateLimit></tt:RateControl>`;
  const encoder =
    '<tt:VideoEncoderConfiguration token="encoder_1"><tt:Name>encoder</tt:Name><tt:UseCount>1</tt:UseCount>' +
    `<tt:Encoding>H264</tt:Encoding><tt:Resolution>${SIZE}</tt:Resolution><tt:Quality>4</tt:Quality>${rate}` +
    '<tt:H264><tt:GovLength>15</tt:GovLength><tt:H264Profile>High</tt:H264Profile></tt:H264>' +
    '<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>' +
    '<tt:Port>0</tt:Port><tt:TTL>0</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>' +
    '<tt:SessionTimeout>PT60S</tt:SessionTimeout></tt:VideoEncoderConfiguration>';
  return `<tt:Name>main</tt:Name>${source}${device.clip.codec === 'h264' ? encoder : ''}`;
}

function profiles2(device: OnvifDevice): string {
  const main = profile2(device);
  if (device.subUrl === undefined) return main;
  const sub = main.replace(PROFILE, SUB_PROFILE).replace('>main<', '>sub|tile<');
  return main + sub.replace('>640<', '>320<').replace('>360<', '>180<');
}

function profile2(device: OnvifDevice): string {
  const { codec, framesPerSecond } = device.clip;
  const [govLength, level] = codec === 'h264' ? [15, 'High'] : [30, 'Main'];
  return (
    `<tr2:Profiles token="${PROFILE}" fixed="true"><tr2:Name>main</tr2:Name><tr2:Configurations>` +
    `<tr2:VideoSource token="source_1">${videoSource()}</tr2:VideoSource>` +
    `<tr2:VideoEncoder token="encoder_1" GovLength="${govLength}" Profile="${level}">` +
    `<tt:Name>encoder</tt:Name><tt:UseCount>1</tt:UseCount><tt:Encoding>${codec.toUpperCase()}</tt:Encoding>` +
    `<tt:Resolution>${SIZE}</tt:Resolution>` +
    `<tt:RateControl ConstantBitRate="true"><tt:FrameRateLimit>${framesPerSecond}</tt:FrameRateLimit><tt:BitrateLimit>480</tt:BitrateLimit></tt:RateControl>` +
    `<tt:Quality>4</tt:Quality></tr2:VideoEncoder>${device.legal?.sound ? SOUND : ''}</tr2:Configurations></tr2:Profiles>`
  );
}

const SOUND =
  '<tr2:AudioEncoder token="sound_1"><tt:Name>sound</tt:Name><tt:UseCount>1</tt:UseCount><tt:Encoding>PCMU</tt:Encoding></tr2:AudioEncoder>';

function mask(corners: readonly (readonly [number, number])[], index: number): string {
  const points = corners.map(([x, y]) => `<tt:Point x="${x}" y="${y}"/>`).join('');
  return (
    `<tr2:Masks token="mask_${index}"><tr2:ConfigurationToken>source_1</tr2:ConfigurationToken>` +
    `<tr2:Polygon>${points}</tr2:Polygon><tr2:Type>Color</tr2:Type><tr2:Enabled>true</tr2:Enabled></tr2:Masks>`
  );
}

function mediaUri(device: OnvifDevice, asked: Asked): string {
  return (
    `<trt:MediaUri><tt:Uri>${xmlText(device.streamUrl(hostName(asked)))}</tt:Uri>` +
    '<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>' +
    '<tt:Timeout>PT0S</tt:Timeout></trt:MediaUri>'
  );
}

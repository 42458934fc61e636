import { BeffroiError } from '../../base/errors.ts';
import { type Ask, askDevice } from './package.ts';
import { httpPort, splitUri } from './uri.ts';
import { at, childrenOf, textAt, type XmlElement } from './xml.ts';

export const NAMESPACES = {
  device: 'http://www.onvif.org/ver10/device/wsdl',
  media: 'http://www.onvif.org/ver10/media/wsdl',
  media2: 'http://www.onvif.org/ver20/media/wsdl',
  events: 'http://www.onvif.org/ver10/events/wsdl',
  deviceio: 'http://www.onvif.org/ver10/deviceIO/wsdl',
  recording: 'http://www.onvif.org/ver10/recording/wsdl',
  ptz: 'http://www.onvif.org/ver20/ptz/wsdl',
  analytics: 'http://www.onvif.org/ver20/analytics/wsdl',
} as const;

export type ServiceName = keyof typeof NAMESPACES;

/** Where the camera says that a service is. */
export interface AnnouncedService {
  /** Path and query. */
  readonly path: string;
  /** As the camera sees itself; behind address translation it is another than the configured one. */
  readonly port: number;
}

/** The services that a camera offers. */
export type Services = Partial<Record<ServiceName, AnnouncedService>>;

/** Errors by which old cameras say that they do not know GetServices. */
const NO_GET_SERVICES = ['camera-unsupported', 'camera-fault', 'camera-protocol'];

/**
 * Asks which services the camera offers, by GetServices, or by GetCapabilities where it is too old for that.
 * @see ONVIF Core §8.1.2
 */
export async function findServices(ask: Ask): Promise<Services> {
  try {
    return await byServices(ask);
  } catch (error) {
    if (!(error instanceof BeffroiError) || !NO_GET_SERVICES.includes(error.code)) throw error;
    return await byCapabilities(ask);
  }
}

async function byServices(ask: Ask): Promise<Services> {
  const { content } = await askDevice(ask, (device) => device.getService({ IncludeCapability: false }));
  const offered = childrenOf(content, 'Service');
  const names = Object.keys(NAMESPACES) as ServiceName[];
  return announced(names, (name) =>
    offered.find((service) => textAt(service, 'Namespace') === NAMESPACES[name]),
  );
}

async function byCapabilities(ask: Ask): Promise<Services> {
  const { content } = await askDevice(ask, (device) => device.getCapabilities());
  const elements = {
    ...{ media: ['Media'], events: ['Events'], deviceio: ['Extension', 'DeviceIO'] },
    ...{ ptz: ['PTZ'], analytics: ['Analytics'] },
  } as const;
  const names = ['media', 'events', 'deviceio', 'ptz', 'analytics'] as const;
  return announced(names, (name) => at(content, 'Capabilities', ...elements[name]));
}

function announced<N extends ServiceName>(
  names: readonly N[],
  find: (name: N) => XmlElement | undefined,
): Services {
  const found = names.flatMap((name) => {
    const uri = splitUri(textAt(find(name), 'XAddr'));
    return uri ? [[name, { path: uri.path, port: httpPort(uri) }] as const] : [];
  });
  return Object.fromEntries(found);
}

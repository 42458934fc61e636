import { BeffroiError } from '../../base/errors.ts';
import { type Ask, askDevice } from './package.ts';
import { splitUri } from './uri.ts';
import { at, childrenOf, textAt, type XmlElement } from './xml.ts';

export const NAMESPACES = {
  media: 'http://www.onvif.org/ver10/media/wsdl',
  media2: 'http://www.onvif.org/ver20/media/wsdl',
  events: 'http://www.onvif.org/ver10/events/wsdl',
} as const;

export type ServiceName = keyof typeof NAMESPACES;

/** Paths of the services that a camera offers. */
export type ServicePaths = Partial<Record<ServiceName, string>>;

/** Errors by which old cameras say that they do not know GetServices. */
const NO_GET_SERVICES = ['camera-unsupported', 'camera-fault', 'camera-protocol'];

/**
 * Asks which services the camera offers, by GetServices, or by GetCapabilities where it is too old for that.
 * @see ONVIF Core §8.1.2
 */
export async function findServices(ask: Ask): Promise<ServicePaths> {
  try {
    return await byServices(ask);
  } catch (error) {
    if (!(error instanceof BeffroiError) || !NO_GET_SERVICES.includes(error.code)) throw error;
    return await byCapabilities(ask);
  }
}

async function byServices(ask: Ask): Promise<ServicePaths> {
  const { content } = await askDevice(ask, (device) => device.getService({ IncludeCapability: false }));
  const offered = childrenOf(content, 'Service');
  const names = Object.keys(NAMESPACES) as ServiceName[];
  return paths(names, (name) => offered.find((service) => textAt(service, 'Namespace') === NAMESPACES[name]));
}

async function byCapabilities(ask: Ask): Promise<ServicePaths> {
  const { content } = await askDevice(ask, (device) => device.getCapabilities());
  const element = { media: 'Media', events: 'Events' } as const;
  return paths(['media', 'events'], (name) => at(content, 'Capabilities', element[name]));
}

/** Of an address only the path is used: services are asked where the configuration says that the camera is. */
function paths<N extends ServiceName>(
  names: readonly N[],
  find: (name: N) => XmlElement | undefined,
): ServicePaths {
  const found = names.flatMap((name) => {
    const path = splitUri(textAt(find(name), 'XAddr'))?.path;
    return path === undefined ? [] : [[name, path] as const];
  });
  return Object.fromEntries(found);
}

import { OnvifServiceDevice } from 'node-onvif-ts/dist/node-onvif/module/service-device.js';
import { OnvifServiceMedia } from 'node-onvif-ts/dist/node-onvif/module/service-media.js';
import soap, { type Result } from 'node-onvif-ts/dist/node-onvif/module/soap.js';
import { InternalError } from '../../base/errors.ts';
import type { SoapAnswer } from './answer.ts';

/**
 * node-onvif-ts builds the requests, our transport carries them: its `requestCommand`, through which every call of
 * its services passes, is replaced when this module loads. A service is bound to a transport by the address object
 * that it hands to `requestCommand`; one that is not bound reaches no network. The package escapes nothing: tokens
 * are escaped before they go in.
 */

/** Carries one envelope to the camera. */
export type Ask = (method: string, envelope: string) => Promise<SoapAnswer>;

const bound = new WeakMap<object, Ask>();

async function requestCommand(address: object, method: string, envelope: string): Promise<Result> {
  const ask = bound.get(address);
  if (!ask) throw new InternalError('internal', `${method}: an ONVIF service without a transport`);
  return { soap: '', formatted: '', converted: {}, data: await ask(method, envelope) };
}

Object.assign(soap, { requestCommand });

/** No address of a camera: where requests go is the transport's business. */
const NOWHERE = 'http://camera.invalid/';

/** One call of the device service. */
export async function askDevice(
  ask: Ask,
  call: (device: OnvifServiceDevice) => Promise<Result>,
): Promise<SoapAnswer> {
  return await asked(new OnvifServiceDevice({ xaddr: NOWHERE }), ask, call);
}

/** One call of the media service (version 1). */
export async function askMedia(
  ask: Ask,
  call: (media: OnvifServiceMedia) => Promise<Result>,
): Promise<SoapAnswer> {
  return await asked(new OnvifServiceMedia({ xaddr: NOWHERE, timeDiff: 0 }), ask, call);
}

async function asked<S extends object>(
  service: S,
  ask: Ask,
  call: (service: S) => Promise<Result>,
): Promise<SoapAnswer> {
  bound.set((service as unknown as { readonly oxaddr: object }).oxaddr, ask);
  const result = await call(service);
  return result.data as SoapAnswer;
}

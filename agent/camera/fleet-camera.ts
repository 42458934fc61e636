import type { StreamTransport } from './rtsp/stream.ts';
import type { Credentials } from './types.ts';

/** What the fleet needs of a camera; an entry of the central configuration with its login opened fits. */
export interface FleetCamera {
  readonly id: string;
  /** Stands with the address that it is for: an address of a leased camera is never taken for another. */
  readonly regime: 'continuous' | 'leased';
  readonly host: string;
  /** Its second stream, by path or by ONVIF profile. */
  readonly substream?:
    | { readonly path?: string | undefined; readonly profile?: string | undefined }
    | undefined;
  /** How its pictures come. */
  readonly transport: StreamTransport;
  readonly maxConnections: number;
  readonly credentials?: Credentials | undefined;
  readonly onvif?:
    | {
        readonly port: number;
        readonly path: string;
        readonly tls: boolean;
        readonly certificateSha256?: string | undefined;
        readonly profile?: string | undefined;
      }
    | undefined;
  readonly rtsp?:
    | {
        readonly port: number;
        readonly path?: string | undefined;
        readonly tls: boolean;
        readonly certificateSha256?: string | undefined;
      }
    | undefined;
}

/** Small durable values of this room. */
export interface FleetMemory {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
  delete(key: string): void;
}

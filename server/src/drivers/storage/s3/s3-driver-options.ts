import type { LookupFunction } from 'node:net';
import type { HttpTimeouts } from './http-handler.ts';
import type { VendorProfile } from './vendors.ts';

export interface S3Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface S3DriverOptions {
  readonly profile: VendorProfile;
  /** Origin of the service; undefined: the SDK derives it from the region. */
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly pathStyle: boolean;
  readonly bucket: string;
  /** Start of every key: empty, or ends in "/". */
  readonly prefix: string;
  /** Undefined: the AWS default chain is asked (environment, shared files, container, instance). */
  readonly key: S3Key | undefined;
  readonly partBytes: number;
  /** Parts of one put or compose at one time. */
  readonly concurrency: number;
  readonly timeouts: HttpTimeouts;
  readonly maxSockets: number;
  /** How host names become addresses, for names that the system does not resolve. Default: the system's way. */
  readonly lookup?: LookupFunction;
  /** An unused connection is kept this long, in milliseconds. Default 10 000. */
  readonly keepAliveMs?: number;
}

import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import type { LookupFunction } from 'node:net';
import { CreateBucketCommand, ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { resolveSettings } from '#drivers/storage/s3/resolve-settings.ts';
import { S3Driver } from '#drivers/storage/s3/s3-driver.ts';
import type { S3DriverOptions } from '#drivers/storage/s3/s3-driver-options.ts';
import type { S3Settings } from '#drivers/storage/s3/settings.ts';
import type { CephRgwAccess } from '#test/services/ceph-rgw.ts';
import type { S3ProxyOptions } from '#test/services/s3-proxy.ts';
import type { S3ProxyRules } from '#test/services/s3-proxy-rules.ts';
import type { SigningKey } from '#test/services/s3-signature.ts';
import type { StorageSubject } from './storage-subject.ts';

/** Unused connections count as open handles, so the tests keep none for long. */
const KEEP_ALIVE_MS = 100;

/** The plain SDK on a gateway, to prepare and to look behind the driver. */
export function plainClient(access: CephRgwAccess, endpoint = access.endpoint): S3Client {
  const { accessKeyId, secretAccessKey } = access;
  return new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    requestHandler: { httpAgent: { keepAlive: false } },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

export async function newBucket(access: CephRgwAccess, suffix = ''): Promise<string> {
  const bucket = `osproxy-${randomUUID().slice(0, 13)}${suffix}`;
  const client = plainClient(access);
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  return bucket;
}

/** Multipart uploads that were begun and not ended, behind a prefix. */
export async function openUploads(client: S3Client, bucket: string, prefix: string): Promise<number> {
  const { Uploads = [] } = await client.send(
    new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }),
  );
  return Uploads.length;
}

/** Every name is this machine; `bucket.host` of the proxies is unknown to the system. */
export const loopbackLookup: LookupFunction = (_name, options, answer) => {
  if (options.all) answer(null, [{ address: '127.0.0.1', family: 4 }]);
  else answer(null, '127.0.0.1', 4);
};

/** A proxy in front of the gateway that takes parts of any size. */
export function proxyTo(access: CephRgwAccess, rules: S3ProxyRules, key: SigningKey): S3ProxyOptions {
  return { target: access.lenientEndpoint, targetKey: access, key, rules };
}

/** Settings of a store straight on the gateway. */
export function cephSettings(access: CephRgwAccess, bucket: string): S3Settings {
  const { endpoint, accessKeyId, secretAccessKey } = access;
  return { vendor: 'ceph', endpoint, bucket, accessKeyId, secretAccessKey };
}

export function driverFor(settings: S3Settings, more: Partial<S3DriverOptions> = {}): S3Driver {
  return new S3Driver({ ...resolveSettings(settings, {}), keepAliveMs: KEEP_ALIVE_MS, ...more });
}

export interface S3SubjectOptions {
  readonly access: CephRgwAccess;
  readonly bucket: string;
  readonly settings: S3Settings;
  readonly more?: Partial<S3DriverOptions>;
}

/** Fresh subjects that share a bucket and have a prefix each. */
export function s3Subjects(options: S3SubjectOptions): () => Promise<StorageSubject> {
  const { access, bucket, settings, more } = options;
  return async () => {
    const prefix = `${randomUUID()}/`;
    const client = plainClient(access);
    return {
      driver: driverFor({ ...settings, prefix }, more),
      leftovers: () => openUploads(client, bucket, prefix),
      cleanup: async () => client.destroy(),
    };
  };
}

/** A GET to an address with the name that was signed, as a browser would send it that could resolve the name. */
export function fetchWithHost(url: URL, host: string): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { headers: { host }, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) }));
      answer.on('error', reject);
    });
    asking.on('error', reject).end();
  });
}

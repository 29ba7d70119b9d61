import { type Static, type TSchemaOptions, Type } from 'typebox';
import type { Vendor } from './vendors.ts';

function text(description: string, options: TSchemaOptions & { pattern?: string } = {}) {
  return Type.Optional(Type.String({ minLength: 1, description, ...options }));
}

function whole(minimum: number, maximum: number, fallback: number, unit: string, description: string) {
  return Type.Optional(Type.Integer({ minimum, maximum, default: fallback, unit, description }));
}

const VENDORS: Vendor[] = ['aws', 'ceph', 'minio', 'oss', 'cos', 'r2', 'generic'];

/** Settings of an `s3` store. Which of them a vendor takes is checked when the store is opened. */
export const s3Settings = Type.Object(
  {
    vendor: Type.Enum(VENDORS, {
      description: 'Which service it is; `generic` for any other that speaks S3.',
    }),
    bucket: Type.String({ minLength: 1, description: 'Name of the bucket, which must exist.' }),
    endpoint: text('URL of the service, such as `https://s3.example.com`; derived for aws, oss, cos and r2.'),
    region: text('Region of the bucket, such as `eu-central-1`, `cn-hangzhou` or `ap-guangzhou`.'),
    prefix: text(
      'Start of every key, so that several services can share a bucket; a `/` is added at its end.',
    ),
    accessKeyId: text('Key id (aws, ceph, minio, oss, r2, generic).'),
    secretAccessKey: text('Key secret (aws, ceph, minio, r2, generic).', { secret: true }),
    accessKeySecret: text('Key secret (oss).', { secret: true }),
    appId: text('APPID of the account (cos); it is the end of the bucket name.', { pattern: '^[0-9]+$' }),
    secretId: text('Key id (cos).'),
    secretKey: text('Key secret (cos).', { secret: true }),
    accountId: text('Account id (r2); the endpoint follows from it.', { pattern: '^[0-9a-z]+$' }),
    sessionToken: text('Token that belongs to a temporary key.', { secret: true }),
    forcePathStyle: Type.Optional(
      Type.Boolean({ description: 'Put the bucket into the path (true) or the host name (false).' }),
    ),
    partSizeMiB: whole(5, 5120, 8, 'MiB', 'Size of the parts in which large contents are sent.'),
    concurrency: whole(1, 64, 4, 'parts', 'Parts of one content that are sent or copied at once.'),
    connectTimeoutSeconds: whole(1, 300, 5, 'seconds', 'Longest time to connect.'),
    firstByteTimeoutSeconds: whole(
      1,
      3600,
      30,
      'seconds',
      'Longest time from the end of a request to the start of its answer; copies and joins may take four times as long.',
    ),
    idleTimeoutSeconds: whole(
      1,
      3600,
      30,
      'seconds',
      'Longest time in which the store neither takes nor gives a byte while one is due.',
    ),
    maxSockets: whole(8, 65_536, 512, 'connections', 'Most connections to the store at one time.'),
  },
  { additionalProperties: false },
);

export type S3Settings = Static<typeof s3Settings>;

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** What the services that speak S3 do differently; everything else the driver does is the same for all of them. */
export interface VendorProfile {
  /** `virtual-host` puts the bucket into the host name, `path` into the path. */
  readonly addressing: 'path' | 'virtual-host';
  /** True where the service refuses path-style requests, so that `forcePathStyle` is an error. */
  readonly onlyVirtualHost: boolean;
  /** Signing region where none is configured and none follows from the endpoint; undefined: one must be configured. */
  readonly region: string | undefined;
  /** The signing region that an endpoint's host name tells. */
  readonly regionOf?: (host: string) => string | undefined;
  /** The host of the service where no endpoint is configured; undefined: an endpoint must be configured. */
  readonly host?: (place: {
    readonly region: string | undefined;
    readonly accountId: string | undefined;
  }) => string | undefined;
  /** The host that speaks S3, for a configured host that speaks only the vendor's own protocol. */
  readonly s3Host?: (host: string) => string;
  /** True where the SDK knows the endpoint of a region by itself. */
  readonly knownToSdk: boolean;
  /** Smallest part of a multipart upload except the last, in bytes. */
  readonly minPartBytes: number;
  /** Largest part, in bytes. */
  readonly maxPartBytes: number;
  /** Largest run of bytes that one server-side copy takes, in bytes. */
  readonly maxCopyBytes: number;
  /** True where all parts but the last must have the same size. */
  readonly equalParts: boolean;
  readonly listVersion: 1 | 2;
  /** The words this vendor has for the two halves of a key. */
  readonly keyWords: { readonly id: KeyIdWord; readonly secret: KeySecretWord };
  /** Environment variables that give the key where the settings do not; without them the AWS default chain is asked. */
  readonly environment?: readonly {
    readonly id: string;
    readonly secret: string;
    readonly token?: string;
  }[];
}

type KeyIdWord = 'accessKeyId' | 'secretId';
type KeySecretWord = 'secretAccessKey' | 'accessKeySecret' | 'secretKey';

/** Parts of one multipart upload; the same everywhere. */
export const MAX_PARTS = 10_000;

const aws: VendorProfile = {
  addressing: 'virtual-host',
  onlyVirtualHost: false,
  region: undefined,
  knownToSdk: true,
  minPartBytes: 5 * MIB,
  maxPartBytes: 5 * GIB,
  maxCopyBytes: 5 * GIB,
  equalParts: false,
  listVersion: 2,
  keyWords: { id: 'accessKeyId', secret: 'secretAccessKey' },
};

const generic: VendorProfile = {
  ...aws,
  addressing: 'path',
  region: 'us-east-1',
  knownToSdk: false,
};

const oss: VendorProfile = {
  ...aws,
  onlyVirtualHost: true,
  knownToSdk: false,
  regionOf: (host) => /^(?:s3\.)?oss-([a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com$/.exec(host)?.[1],
  host: ({ region }) => (region === undefined ? undefined : `s3.oss-${region}.aliyuncs.com`),
  s3Host: (host) => (/^oss-[a-z0-9-]+\.aliyuncs\.com$/.test(host) ? `s3.${host}` : host),
  minPartBytes: 100 * KIB,
  maxCopyBytes: GIB,
  keyWords: { id: 'accessKeyId', secret: 'accessKeySecret' },
  environment: [
    {
      id: 'ALIBABA_CLOUD_ACCESS_KEY_ID',
      secret: 'ALIBABA_CLOUD_ACCESS_KEY_SECRET',
      token: 'ALIBABA_CLOUD_SECURITY_TOKEN',
    },
    { id: 'OSS_ACCESS_KEY_ID', secret: 'OSS_ACCESS_KEY_SECRET', token: 'OSS_SESSION_TOKEN' },
  ],
};

const cos: VendorProfile = {
  ...aws,
  onlyVirtualHost: true,
  knownToSdk: false,
  regionOf: (host) => /^cos(?:-internal)?\.([a-z0-9-]+)\.(?:myqcloud|tencentcos)\.c(?:om|n)$/.exec(host)?.[1],
  host: ({ region }) => (region === undefined ? undefined : `cos.${region}.myqcloud.com`),
  minPartBytes: MIB,
  listVersion: 1,
  keyWords: { id: 'secretId', secret: 'secretKey' },
  environment: [
    {
      id: 'TENCENTCLOUD_SECRET_ID',
      secret: 'TENCENTCLOUD_SECRET_KEY',
      token: 'TENCENTCLOUD_SESSION_TOKEN',
    },
  ],
};

const r2: VendorProfile = {
  ...generic,
  region: 'auto',
  host: ({ accountId }) => (accountId === undefined ? undefined : `${accountId}.r2.cloudflarestorage.com`),
  equalParts: true,
};

/** One profile per value of the setting `vendor`. Ceph and MinIO need nothing that `generic` does not have. */
export const vendors = {
  aws,
  ceph: generic,
  minio: generic,
  oss,
  cos,
  r2,
  generic,
} as const satisfies Record<string, VendorProfile>;

export type Vendor = keyof typeof vendors;

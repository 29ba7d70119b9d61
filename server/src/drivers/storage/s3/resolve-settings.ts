import { isIP } from 'node:net';
import { OsproxyError } from '#core/errors.ts';
import type { S3DriverOptions, S3Key } from './s3-driver-options.ts';
import type { S3Settings } from './settings.ts';
import { type Vendor, type VendorProfile, vendors } from './vendors.ts';

const MIB = 1024 * 1024;
const DNS_BUCKET = /^[a-z0-9](?:[a-z0-9-]{1,61}[a-z0-9])$/;
const ANY_BUCKET = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{1,253}[A-Za-z0-9])$/;
const PREFIX = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;
const KEY_WORDS = ['accessKeyId', 'secretAccessKey', 'accessKeySecret', 'secretId', 'secretKey'] as const;

type Environment = Readonly<Record<string, string | undefined>>;

/** What the driver needs, from what was configured. Throws InvalidArgument with one sentence for settings that do not fit together. */
export function resolveSettings(
  settings: S3Settings,
  environment: Environment = process.env,
): S3DriverOptions {
  const { vendor } = settings;
  const profile: VendorProfile = vendors[vendor];
  refuseForeignWords(vendor, profile, settings);
  const place = resolvePlace(vendor, profile, settings, environment);
  const pathStyle = settings.forcePathStyle ?? profile.addressing === 'path';
  if (pathStyle && profile.onlyVirtualHost) {
    throw wrong(`The vendor ${vendor} refuses path-style requests; leave out "forcePathStyle".`);
  }
  const bucket = resolveBucket(vendor, settings);
  checkBucket(bucket, pathStyle, place.endpoint);
  const { concurrency = 4, maxSockets = 512 } = settings;
  if (concurrency > maxSockets / 2) {
    throw wrong(
      `The "concurrency" of ${concurrency} is more than half of the ${maxSockets} connections in "maxSockets".`,
    );
  }
  const seconds = (value: number | undefined, fallback: number): number => (value ?? fallback) * 1000;
  return {
    profile,
    ...place,
    pathStyle,
    bucket,
    prefix: resolvePrefix(settings.prefix),
    key: resolveKey(vendor, profile, settings, environment),
    partBytes: (settings.partSizeMiB ?? 8) * MIB,
    concurrency,
    timeouts: {
      connectMs: seconds(settings.connectTimeoutSeconds, 5),
      firstByteMs: seconds(settings.firstByteTimeoutSeconds, 30),
      idleMs: seconds(settings.idleTimeoutSeconds, 30),
    },
    maxSockets,
  };
}

function refuseForeignWords(vendor: Vendor, profile: VendorProfile, settings: S3Settings): void {
  const { id, secret } = profile.keyWords;
  for (const word of KEY_WORDS) {
    if (settings[word] === undefined || word === id || word === secret) continue;
    throw wrong(`A store of the vendor ${vendor} takes "${id}" and "${secret}", not "${word}".`);
  }
  for (const [word, owner] of [
    ['appId', 'cos'],
    ['accountId', 'r2'],
  ] as const) {
    if (settings[word] === undefined || vendor === owner) continue;
    throw wrong(`The setting "${word}" belongs to the vendor ${owner}, but the vendor is ${vendor}.`);
  }
}

function resolvePlace(
  vendor: Vendor,
  profile: VendorProfile,
  settings: S3Settings,
  environment: Environment,
): Pick<S3DriverOptions, 'endpoint' | 'region'> {
  const { accountId } = settings;
  const given = settings.endpoint === undefined ? undefined : parseEndpoint(settings.endpoint, profile);
  if (given !== undefined && accountId !== undefined) {
    throw wrong('Give either "endpoint" or "accountId", not both.');
  }
  const told = given === undefined ? undefined : profile.regionOf?.(given.hostname);
  const asked = settings.region ?? (profile.knownToSdk ? environment.AWS_REGION : undefined);
  if (asked !== undefined && told !== undefined && asked !== told) {
    throw wrong(`The region "${asked}" contradicts the endpoint, which is in "${told}".`);
  }
  const region = asked ?? told;
  const host = profile.host?.({ region, accountId });
  const endpoint = given ?? (host === undefined ? undefined : new URL(`https://${host}`));
  if (endpoint === undefined && !profile.knownToSdk) {
    const instead = vendor === 'r2' ? ' or "accountId"' : profile.host === undefined ? '' : ' or "region"';
    throw wrong(`A store of the vendor ${vendor} needs "endpoint"${instead}.`);
  }
  const signed = region ?? profile.region;
  if (signed === undefined) throw wrong(`A store of the vendor ${vendor} needs "region".`);
  return { endpoint: endpoint?.origin, region: signed };
}

function parseEndpoint(text: string, profile: VendorProfile): URL {
  const url = URL.parse(text);
  const plain = url !== null && url.pathname === '/' && url.search === '' && url.username === '';
  if (!plain || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw wrong(
      'The "endpoint" must be an http or https URL without a path, such as "https://s3.example.com".',
    );
  }
  if (profile.s3Host !== undefined) url.hostname = profile.s3Host(url.hostname);
  return url;
}

function resolveBucket(vendor: Vendor, settings: S3Settings): string {
  const { bucket, appId } = settings;
  if (vendor !== 'cos') return bucket;
  if (appId !== undefined) return bucket.endsWith(`-${appId}`) ? bucket : `${bucket}-${appId}`;
  if (/-[0-9]+$/.test(bucket)) return bucket;
  throw wrong(
    'A store of the vendor cos needs "appId", or a "bucket" that ends in it, such as "files-1250000000".',
  );
}

function checkBucket(bucket: string, pathStyle: boolean, endpoint: string | undefined): void {
  if (pathStyle) {
    if (!ANY_BUCKET.test(bucket)) {
      throw wrong('The "bucket" must have 3 to 255 letters, digits, dots, dashes or underscores.');
    }
    return;
  }
  if (!DNS_BUCKET.test(bucket)) {
    throw wrong(
      'The "bucket" must have 3 to 63 small letters, digits or dashes, because it becomes part of a host name.',
    );
  }
  const host = endpoint === undefined ? '' : new URL(endpoint).hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0) {
    throw wrong('With the bucket in the host name the "endpoint" must be a name, not an address.');
  }
}

function resolvePrefix(prefix: string | undefined): string {
  if (prefix === undefined) return '';
  const bare = prefix.replace(/\/$/, '');
  if (!PREFIX.test(bare) || bare.length > 512) {
    throw wrong(
      'The "prefix" must have at most 512 letters, digits, dots, dashes and underscores in segments divided by "/".',
    );
  }
  return `${bare}/`;
}

function resolveKey(
  vendor: Vendor,
  profile: VendorProfile,
  settings: S3Settings,
  environment: Environment,
): S3Key | undefined {
  const { id: idWord, secret: secretWord } = profile.keyWords;
  const id = settings[idWord];
  const secret = settings[secretWord];
  const { sessionToken } = settings;
  if (id !== undefined && secret !== undefined) return keyOf(id, secret, sessionToken);
  if (id !== undefined || secret !== undefined || sessionToken !== undefined) {
    throw wrong(`A store of the vendor ${vendor} needs both "${idWord}" and "${secretWord}".`);
  }
  for (const names of profile.environment ?? []) {
    const [envId, envSecret] = [environment[names.id], environment[names.secret]];
    if (!envId || !envSecret) continue;
    return keyOf(envId, envSecret, names.token === undefined ? undefined : environment[names.token]);
  }
  if (profile.environment === undefined) return undefined;
  const names = profile.environment.map((entry) => `${entry.id} and ${entry.secret}`).join(', or ');
  throw wrong(
    `A store of the vendor ${vendor} needs "${idWord}" and "${secretWord}", or the environment variables ${names}.`,
  );
}

function keyOf(id: string, secret: string, token: string | undefined): S3Key {
  return { accessKeyId: id, secretAccessKey: secret, ...(token ? { sessionToken: token } : {}) };
}

function wrong(message: string): OsproxyError {
  return new OsproxyError('InvalidArgument', message);
}

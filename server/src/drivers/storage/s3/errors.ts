import { type ErrorCode, OsproxyError } from '#core/errors.ts';

type Meaning = readonly [ErrorCode, string, { readonly retryable: boolean }?];

const BUSY: Meaning = ['Unavailable', 'The store is busy or failing at the moment; try again.'];
const SILENT: Meaning = [
  'Unavailable',
  'The store did not answer in time; try again, and check its endpoint and the network if that goes on.',
];
const BROKEN_OFF: Meaning = ['Unavailable', 'The connection to the store broke off; try again.'];
const UNREACHABLE: Meaning = [
  'Unavailable',
  'The store cannot be reached; check its endpoint and the network.',
];
const ABSENT: Meaning = ['NotFound', 'The store holds no such object.'];
const REFUSED: Meaning = [
  'PermissionDenied',
  'The store refuses access; check the key it is used with and its policies.',
];
const CLOCK: Meaning = [
  'PermissionDenied',
  "This machine's clock differs from the store's by more than the store accepts; set the clock (NTP).",
];
const CHECKSUM: Meaning = ['ChecksumMismatch', 'The store received other bytes than the checksum promises.'];
const FULL: Meaning = [
  'QuotaExceeded',
  'The store has no space left for this; raise its quota or add a store.',
];
const TOO_LARGE: Meaning = ['TooLarge', 'The object is larger than the store can keep.'];
const UNKNOWN: Meaning = ['Internal', 'The store failed in a way it should not; see the log for the cause.'];
const NO_BUCKET: Meaning = [
  'Unavailable',
  'The bucket that the store is configured with does not exist; create it or correct "bucket", or "vendor" and "forcePathStyle", which say where it stands in the address.',
  { retryable: false },
];
const WRONG_PLACE: Meaning = [
  'Unavailable',
  'The store answers from another region or endpoint than it is configured with; correct "region" or "endpoint".',
  { retryable: false },
];
const NOT_S3: Meaning = [
  'Unavailable',
  'What answers is no store that speaks S3, or one that wants the bucket elsewhere in the address; correct "endpoint", "vendor" or "forcePathStyle".',
  { retryable: false },
];
const NO_TLS: Meaning = [
  'Unavailable',
  'The store does not speak TLS there; correct "endpoint", with http:// or another port.',
  { retryable: false },
];
const UNTRUSTED: Meaning = [
  'Unavailable',
  "The store's certificate is not trusted; renew it, or name its authority with NODE_EXTRA_CA_CERTS.",
  { retryable: false },
];
const NO_SUCH_HOST: Meaning = [
  'Unavailable',
  'No address is known for the host of the store, which begins with the bucket; correct "endpoint" or "bucket", or put the bucket into the path with "vendor" or "forcePathStyle".',
];
const WRONG_STYLE: Meaning = [
  'Unavailable',
  'The store wants the bucket in the host name; correct the setting "vendor" or "forcePathStyle".',
  { retryable: false },
];

/** The code of a failed look-up of a host whose first label is the bucket. */
export const BUCKET_HOST_UNKNOWN = 'BUCKET_HOST_UNKNOWN';

/** By the code the service gives, or that of the failed system call. */
const BY_CODE: Readonly<Record<string, Meaning>> = {
  NoSuchKey: ABSENT,
  NotFound: ABSENT,
  NoSuchBucket: NO_BUCKET,
  PermanentRedirect: WRONG_PLACE,
  AuthorizationHeaderMalformed: WRONG_PLACE,
  IllegalLocationConstraintException: WRONG_PLACE,
  SecondLevelDomainForbidden: WRONG_STYLE,
  PathStyleDomainForbidden: WRONG_STYLE,
  NoSuchUpload: ['Unavailable', 'The store forgot the unfinished upload; try again.'],
  InvalidRange: ['RangeNotSatisfiable', 'The range does not lie inside the bytes that are stored.'],
  AccessDenied: REFUSED,
  Forbidden: REFUSED,
  AccountProblem: REFUSED,
  AllAccessDisabled: REFUSED,
  InvalidAccessKeyId: [
    'PermissionDenied',
    'The store does not know the key id it is used with; check the key.',
  ],
  SignatureDoesNotMatch: [
    'PermissionDenied',
    'The store refuses the signature; check the secret of its key.',
  ],
  InvalidToken: ['PermissionDenied', 'The store refuses the session token of its key.'],
  ExpiredToken: ['PermissionDenied', 'The session token of the key has expired; give the store a new one.'],
  CredentialsProviderError: ['PermissionDenied', 'No key was found for the store; configure one.'],
  RequestTimeTooSkewed: CLOCK,
  RequestExpired: CLOCK,
  BadDigest: CHECKSUM,
  InvalidDigest: CHECKSUM,
  XAmzContentSHA256Mismatch: CHECKSUM,
  EntityTooLarge: TOO_LARGE,
  QuotaExceeded: FULL,
  InsufficientStorage: FULL,
  XMinioStorageFull: FULL,
  SlowDown: BUSY,
  SlowDownRead: BUSY,
  SlowDownWrite: BUSY,
  ServiceUnavailable: BUSY,
  Busy: BUSY,
  InternalError: BUSY,
  OperationAborted: BUSY,
  TooManyRequests: BUSY,
  RequestTimeout: SILENT,
  TimeoutError: SILENT,
  ETIMEDOUT: SILENT,
  IncompleteBody: BROKEN_OFF,
  ECONNRESET: BROKEN_OFF,
  ECONNABORTED: BROKEN_OFF,
  EPIPE: BROKEN_OFF,
  ERR_STREAM_PREMATURE_CLOSE: BROKEN_OFF,
  ECONNREFUSED: UNREACHABLE,
  ENOTFOUND: UNREACHABLE,
  EAI_AGAIN: UNREACHABLE,
  EHOSTUNREACH: UNREACHABLE,
  ENETUNREACH: UNREACHABLE,
  ENETDOWN: UNREACHABLE,
  EHOSTDOWN: UNREACHABLE,
  [BUCKET_HOST_UNKNOWN]: NO_SUCH_HOST,
  EPROTO: NO_TLS,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  CERT_HAS_EXPIRED: UNTRUSTED,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'Unavailable',
    'The store\'s certificate is for another host; correct "endpoint", or where the bucket stands in it with "forcePathStyle".',
    { retryable: false },
  ],
};

const BY_STATUS: Readonly<Record<number, Meaning>> = {
  301: WRONG_PLACE,
  307: WRONG_PLACE,
  401: REFUSED,
  403: REFUSED,
  404: ABSENT,
  408: SILENT,
  413: TOO_LARGE,
  416: BY_CODE.InvalidRange ?? UNKNOWN,
  429: BUSY,
  500: BUSY,
  502: BUSY,
  503: BUSY,
  504: SILENT,
  507: FULL,
};

/** What gateways and proxies say for a store that is behind them; 400 to a request that was cut off on the way. */
const FROM_BETWEEN: ReadonlySet<number> = new Set([400, 408, 413, 429]);

/** Services refuse a request whose time is more than 15 minutes off; a refusal without a body is explained from 5 minutes on. */
const SUSPICIOUS_SKEW_MS = 5 * 60_000;

interface VendorError {
  readonly name?: string;
  readonly code?: unknown;
  readonly Code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string | undefined };
  readonly $response?: { readonly statusCode?: number; readonly headers?: Readonly<Record<string, string>> };
}

/** The port's error for whatever the SDK or a connection threw, which stays its cause; the message names no vendor, bucket or key. */
export function translate(error: unknown): OsproxyError {
  if (error instanceof OsproxyError) return error;
  const failed: VendorError = error instanceof Error ? error : {};
  const [code, message, options] = clockIsOff(failed) ? CLOCK : meaningOf(failed);
  const seconds = Number(failed.$response?.headers?.['retry-after']);
  return new OsproxyError(code, message, {
    cause: error,
    ...options,
    ...(code === 'Unavailable' && seconds > 0 ? { retryAfterSeconds: seconds } : {}),
  });
}

/** As translate, for requests that bring bytes: Ceph says of one whose body breaks off that there is no such key. */
export function translateUpload(error: unknown): OsproxyError {
  const translated = translate(error);
  return translated.code === 'NotFound'
    ? brokenOff('The store did not keep the bytes; try again.', error)
    : translated;
}

/** True when the service says so itself, in whatever status. */
export function hasVendorCode(error: unknown, code: string): boolean {
  return error instanceof Error && namesOf(error).includes(code);
}

function meaningOf(error: VendorError): Meaning {
  const status = statusOf(error);
  if (isForeign(error, status)) return NOT_S3;
  for (const name of namesOf(error)) {
    const meaning = BY_CODE[name];
    if (meaning !== undefined) return meaning;
  }
  // Not the store says that, but the server before it, to a request of which only the beginning arrived.
  if (status === 400 && error.Code === undefined && error.$metadata?.requestId === undefined)
    return BROKEN_OFF;
  return BY_STATUS[status] ?? (status >= 500 ? BUSY : UNKNOWN);
}

/** S3 answers in XML; a page for people, or an answer of another API, is not from a store. */
function isForeign(error: VendorError, status: number): boolean {
  if (status === 0 || status >= 500 || FROM_BETWEEN.has(status)) return false;
  return /html|json/i.test(error.$response?.headers?.['content-type'] ?? '');
}

function namesOf(error: VendorError): string[] {
  return [error.name, error.Code, error.code].filter((name) => typeof name === 'string');
}

function statusOf(error: VendorError): number {
  return error.$metadata?.httpStatusCode ?? error.$response?.statusCode ?? 0;
}

/** The answer to a HEAD has no code; its Date tells whether the clock may be the reason. */
function clockIsOff(error: VendorError): boolean {
  if (statusOf(error) !== 403) return false;
  const theirs = Date.parse(error.$response?.headers?.date ?? '');
  return Math.abs(theirs - Date.now()) > SUSPICIOUS_SKEW_MS;
}

export function brokenOff(message: string, cause?: unknown): OsproxyError {
  return new OsproxyError('Unavailable', message, { cause });
}

/** For an answer that lacks what every store that speaks S3 says. */
export function notS3(): OsproxyError {
  const [code, message, options] = NOT_S3;
  return new OsproxyError(code, message, { ...options });
}

export function bucketMissing(cause: unknown): OsproxyError {
  const [code, message, options] = NO_BUCKET;
  return new OsproxyError(code, message, { cause, ...options });
}

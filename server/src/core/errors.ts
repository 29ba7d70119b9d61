/** Every way a request can fail, named without any protocol in mind. */
export type ErrorCode =
  | 'InvalidArgument'
  | 'Unauthenticated'
  | 'PermissionDenied'
  | 'NotFound'
  | 'Expired'
  | 'AlreadyExists'
  | 'Conflict'
  | 'PreconditionFailed'
  | 'TooLarge'
  | 'QuotaExceeded'
  | 'RangeNotSatisfiable'
  | 'ChecksumMismatch'
  | 'Locked'
  | 'RateLimited'
  | 'Unsupported'
  | 'Unavailable'
  | 'Cancelled'
  | 'Internal';

export interface ErrorOptions {
  /** True when the same call may succeed later without a change by the caller. Default: true for Unavailable, RateLimited and Locked. */
  retryable?: boolean;
  /** Facts a client may see: the field, the value, the limit. Never a store's vendor, key or path. */
  details?: Readonly<Record<string, unknown>>;
  /** Seconds after which a retry makes sense; sent as Retry-After. */
  retryAfterSeconds?: number;
  cause?: unknown;
}

const RETRYABLE: ReadonlySet<ErrorCode> = new Set(['Unavailable', 'RateLimited', 'Locked']);

/** The one error that crosses module borders; callers act on its code, never on its message. */
export class OsproxyError extends Error {
  override readonly name = 'OsproxyError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? RETRYABLE.has(code);
    this.details = options.details ?? {};
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

export function isOsproxyError(error: unknown, code?: ErrorCode): error is OsproxyError {
  return error instanceof OsproxyError && (code === undefined || error.code === code);
}

/** Wraps whatever was thrown: an OsproxyError stays, an abort becomes Cancelled, the rest Internal with its cause. */
export function toOsproxyError(error: unknown): OsproxyError {
  if (error instanceof OsproxyError) return error;
  if (error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError')) {
    return new OsproxyError('Cancelled', 'The operation was cancelled before it finished.', { cause: error });
  }
  return new OsproxyError('Internal', 'Something went wrong inside the service.', { cause: error });
}

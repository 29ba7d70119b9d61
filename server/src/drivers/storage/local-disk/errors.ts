import { type ErrorCode, OsproxyError } from '#core/errors.ts';

const MEANINGS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ['NotFound', 'The store holds no such object.'],
  ENOSPC: ['QuotaExceeded', 'The store has no space left; free some or add a store.'],
  EDQUOT: ['QuotaExceeded', 'The quota of the store is used up; raise it or add a store.'],
  EFBIG: ['QuotaExceeded', 'The object is larger than the store can keep.'],
  EACCES: ['PermissionDenied', 'The store refuses access; check who owns its folder.'],
  EPERM: ['PermissionDenied', 'The store refuses the operation; check who owns its folder.'],
  EROFS: ['PermissionDenied', 'The store is read-only at the moment.'],
  EMFILE: ['Unavailable', 'Too many files are open; raise the limit or try again.'],
  ENFILE: ['Unavailable', 'Too many files are open on this machine; try again.'],
  ENOMEM: ['Unavailable', 'The machine is short of memory; try again.'],
  EAGAIN: ['Unavailable', 'The store is busy; try again.'],
  EBUSY: ['Unavailable', 'The store is busy; try again.'],
  ETIMEDOUT: ['Unavailable', 'The store did not answer in time; try again.'],
  ESTALE: ['Unavailable', 'The store was mounted anew; try again.'],
  ENOTCONN: ['Unavailable', 'The store is not connected; try again.'],
  EHOSTDOWN: ['Unavailable', 'The store is not connected; try again.'],
  ENODEV: ['Unavailable', 'The store is not connected; try again.'],
};

export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The port's error for a failed system call, which stays its cause; the message names no path. */
export function translate(error: unknown): OsproxyError {
  if (error instanceof OsproxyError) return error;
  const [code, message] = MEANINGS[systemCode(error) ?? ''] ?? [
    'Internal',
    'The store failed in a way it should not; see the log for the cause.',
  ];
  return new OsproxyError(code, message, { cause: error });
}

/** For calls that look at an object: a key that names a folder, or goes through a file, names no object. */
export function translateLookup(error: unknown): OsproxyError {
  const code = systemCode(error);
  if (code === 'ENOTDIR' || code === 'EISDIR') return notFound(error);
  return translate(error);
}

export function notFound(cause?: unknown): OsproxyError {
  return new OsproxyError('NotFound', 'The store holds no such object.', { cause });
}

/** For calls that find the store's own folders gone, as after a lost mount. */
export function folderMissing(cause: unknown): OsproxyError {
  return new OsproxyError('Unavailable', 'The folder of the store is missing; check its disk or mount.', {
    cause,
  });
}

/** For calls that make an object's name. */
export function translateNaming(error: unknown): OsproxyError {
  const code = systemCode(error);
  if (code === 'ENOTDIR' || code === 'EISDIR' || code === 'EEXIST' || code === 'ENOTEMPTY') {
    return new OsproxyError(
      'InvalidArgument',
      'This store cannot keep one key as an object and as the first segments of another; choose a different key.',
      { cause: error },
    );
  }
  if (code === 'ENOENT') {
    return new OsproxyError('Unavailable', 'The unfinished object was removed from outside; try again.', {
      cause: error,
    });
  }
  return translate(error);
}

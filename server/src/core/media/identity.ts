import { OsproxyError } from '../errors.ts';
import type { FileRecord } from '../model/file.ts';

/** True for what may be an image, a film or a sound, by the type that was found in its bytes; nothing else is looked at. */
export function mayBeMedia({ contentType }: Pick<FileRecord, 'contentType'>): boolean {
  return /^(image|audio|video)\/|^application\/ogg/.test(contentType);
}

/** The content of a file, once this service has hashed it; undefined before. */
export function identityOf({ sha256, size, verified }: FileRecord): string | undefined {
  return verified && sha256 !== undefined ? `${sha256}:${size}` : undefined;
}

/** As identityOf; throws Conflict, to be tried again, while the content is still being verified. */
export function requireIdentity(file: FileRecord): string {
  const identity = identityOf(file);
  if (identity !== undefined) return identity;
  throw new OsproxyError('Conflict', 'The content of this file is still being verified; try again soon.', {
    details: { uid: file.uid },
    retryable: true,
    retryAfterSeconds: 2,
  });
}

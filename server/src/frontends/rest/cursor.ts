import { OsproxyError } from '#core/errors.ts';
import { isUid, type Uid } from '#core/model/uid.ts';

/** Opaque to clients: where the next page of a listing begins. */
export function encodeCursor(after: Uid): string {
  return Buffer.from(after).toString('base64url');
}

/** Throws InvalidArgument for text that encodeCursor did not make. */
export function decodeCursor(cursor: string): Uid {
  const after = Buffer.from(cursor, 'base64url').toString('latin1');
  if (isUid(after) && encodeCursor(after) === cursor) return after;
  throw new OsproxyError(
    'InvalidArgument',
    'Query parameter "cursor" must be the `next` of an answer before; leave it out for the first page.',
    { details: { field: 'cursor' } },
  );
}

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
  throw badCursor();
}

interface TaskPosition {
  readonly createdAt: number;
  readonly id: string;
}

/** Opaque to clients: where the next page of a list of tasks begins. */
export function encodeTaskCursor({ createdAt, id }: TaskPosition): string {
  return Buffer.from(`${createdAt}.${id}`).toString('base64url');
}

/** Throws InvalidArgument for text that encodeTaskCursor did not make. */
export function decodeTaskCursor(cursor: string): TaskPosition {
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  const [, createdAt, id] = /^(\d{1,15})\.(\d{1,19})$/.exec(text) ?? [];
  const after = { createdAt: Number(createdAt), id: id ?? '' };
  if (id !== undefined && encodeTaskCursor(after) === cursor) return after;
  throw badCursor();
}

function badCursor(): OsproxyError {
  return new OsproxyError(
    'InvalidArgument',
    'Query parameter "cursor" must be the `next` of an answer before; leave it out for the first page.',
    { details: { field: 'cursor' } },
  );
}

import { type Static, Type } from 'typebox';
import { OsproxyError } from '#core/errors.ts';
import type { PeerPrincipal, Principal } from '#core/model/principal.ts';
import type { ByteRange } from '#core/ports/storage-driver.ts';

export const ObjectParams = Type.Object({ store: Type.String(), '*': Type.String() });

export const RangeQuery = Type.Object({
  offset: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  length: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
});

/** Both numbers or none; they are in the query because that is under the signature. */
export function rangeOf({ offset, length }: Static<typeof RangeQuery>): ByteRange | undefined {
  if (offset === undefined && length === undefined) return undefined;
  if (offset !== undefined && length !== undefined) return { offset, length };
  throw new OsproxyError('InvalidArgument', 'A range needs both offset and length.');
}

/** The peer that the route's rule let in. */
export function peerOf(principal: Principal): PeerPrincipal {
  if (principal.kind === 'peer') return principal;
  throw new OsproxyError('Internal', 'A call between nodes was let in without a peer.');
}

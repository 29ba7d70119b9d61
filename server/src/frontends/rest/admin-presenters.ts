import type { MoveRecord } from '#core/model/move.ts';
import type { MoveReport } from '#core/moves.ts';
import type { StoreView } from '#core/store-overview.ts';
import type { MoveBody, StoreBody } from './admin-schemas.ts';

export function storeBody({ limits, ...view }: StoreView): StoreBody {
  const { maxFileSize, allowedTypes } = limits;
  return {
    ...view,
    ...(maxFileSize === undefined ? {} : { maxFileSize }),
    ...(allowedTypes === undefined ? {} : { allowedTypes: [...allowedTypes] }),
  };
}

export function moveBody(move: MoveRecord): MoveBody {
  const { id, from, to, match, state, total, bytesPerSecond, endedAt } = move;
  return {
    id,
    from,
    to,
    match: match as MoveBody['match'],
    ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
    state,
    ...(total === undefined ? {} : { total: countsBody(total) }),
    done: countsBody(move.done),
    failedObjects: move.failedBlobs,
    createdAt: iso(move.createdAt),
    updatedAt: iso(move.updatedAt),
    ...(endedAt === undefined ? {} : { endedAt: iso(endedAt) }),
  };
}

function countsBody({ files, blobs: objects, bytes }: MoveRecord['done']) {
  return { files, objects, bytes };
}

export function moveReportBody({ move, failures }: MoveReport) {
  return {
    ...moveBody(move),
    failures: failures.map(({ blobId: id, reason, at }) => ({ id, reason, at: iso(at) })),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

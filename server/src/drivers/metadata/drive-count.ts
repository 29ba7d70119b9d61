import { ENTRY_KINDS } from '#core/model/entry.ts';
import type { DriveCount } from '#core/ports/metadata/drives.ts';
import { toNumber } from './convert.ts';
import type { Session } from './session.ts';
import { Statement } from './statement.ts';

const FILE = ENTRY_KINDS.indexOf('file');

interface OfUser {
  readonly user: bigint;
}

const presentContents = new Statement(({ build }, p: OfUser) =>
  build
    .selectFrom('entries')
    .select((eb) => [eb.fn.countAll().as('files'), eb.fn.sum('size').as('bytes')])
    .where('user_id', '=', p.user)
    .where('kind', '=', FILE),
);

const earlierContents = new Statement(({ build }, p: OfUser) =>
  build
    .selectFrom('entries')
    .innerJoin('entry_versions', 'entry_versions.entry_id', 'entries.id')
    .select((eb) => eb.fn.sum('entry_versions.size').as('bytes'))
    .where('entries.user_id', '=', p.user)
    .where('entries.kind', '=', FILE)
    .where('entries.version', '>', 1),
);

const openUploads = new Statement(({ build }, p: OfUser) =>
  build
    .selectFrom('drive_uploads')
    .innerJoin('uploads', 'uploads.uid', 'drive_uploads.uid')
    .select((eb) => eb.fn.sum('drive_uploads.size').as('bytes'))
    .where('drive_uploads.user_id', '=', p.user)
    .where('uploads.state', '=', 'open'),
);

const unfinishedWork = new Statement(({ build }, p: OfUser) =>
  build
    .selectFrom('drive_jobs')
    .select((eb) => eb.fn.sum('reserved').as('bytes'))
    .where('ended_at', 'is', null)
    .where('user_id', '=', p.user),
);

/** What the counts of a drive must say, by the rows that they are of. */
export async function countDrive(session: Session, user: bigint): Promise<DriveCount> {
  const present = await presentContents.first(session, { user });
  const earlier = await earlierContents.first(session, { user });
  const uploads = await openUploads.first(session, { user });
  const work = await unfinishedWork.first(session, { user });
  return {
    usedBytes: toNumber(present?.bytes ?? 0) + toNumber(earlier?.bytes ?? 0),
    reservedBytes: toNumber(uploads?.bytes ?? 0) + toNumber(work?.bytes ?? 0),
    files: toNumber(present?.files ?? 0),
  };
}

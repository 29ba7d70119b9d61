import type { Uid } from '#core/model/uid.ts';
import type { V0Context } from '../../context.ts';
import type { Query } from '../../query.ts';

/** The uid of a signed link that is good, or was when the upload began: one that has a part goes on to its end. */
export async function ongoingUpload({ core, links }: V0Context, query: Query): Promise<Uid> {
  const { uid, term } = links.readUpload(query);
  if (!links.isCurrent(term) && !(await core.uploads.hasBegun(uid))) links.requireCurrent(term);
  return uid;
}

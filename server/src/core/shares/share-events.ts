import type { EventType, NewEvent } from '../model/event.ts';
import { ownerOfUser } from '../model/principal.ts';
import type { Share } from '../model/share.ts';

export function shareEvent(type: Extract<EventType, `share.${string}`>, share: Share): NewEvent {
  const { id, userId, label } = share;
  return { type, subject: id, owner: ownerOfUser(userId), data: { id, label, ...toldOf(share) } };
}

/** What others are told of a share, as the API names it: never its key, which opens it, nor its password. */
export function toldOf({ entryId, permission, password, expiresAt, maxDownloads, maxUploads }: Share) {
  return {
    ...{ entry: entryId, permission, hasPassword: password !== undefined, maxDownloads, maxUploads },
    expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt).toISOString(),
  };
}

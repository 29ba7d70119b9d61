import type { EventType, NewEvent } from '../model/event.ts';
import type { FileRecord } from '../model/file.ts';
import type { LinkRecord } from '../model/link.ts';
import type { UploadRecord } from '../model/upload.ts';

type Extra = Readonly<Record<string, unknown>>;

/** An event of a file, with what a consumer needs to act without asking again. */
export function fileEvent(type: EventType, file: FileRecord, extra: Extra = {}): NewEvent {
  const { uid, owner, name, contentType, size, sha256, md5, verified } = file;
  return {
    type,
    subject: uid,
    owner,
    data: { uid, name, contentType, size, sha256, md5, verified, ...extra },
  };
}

export function uploadEvent(type: EventType, { uid, owner, name, size }: UploadRecord): NewEvent {
  return { type, subject: uid, owner, data: { uid, name, size } };
}

/** Its id alone opens nothing: a token is signed. */
export function linkEvent(type: EventType, link: LinkRecord): NewEvent {
  const { id, uid, owner, scope, disposition, expiresAt, maxUses } = link;
  const data = { uid, id, scope, disposition, expiresAt: new Date(expiresAt).toISOString(), maxUses };
  return { type, subject: uid, owner, data };
}

import type { Core } from '#core/core.ts';
import type { CreatedLink } from '#core/links.ts';
import type { FileRecord } from '#core/model/file.ts';
import type { LinkRecord } from '#core/model/link.ts';
import type { MediaRecord } from '#core/model/media.ts';
import type { Principal } from '#core/model/principal.ts';
import type { PartRecord, UploadRecord } from '#core/model/upload.ts';
import type { UploadStatus } from '#core/uploads.ts';
import { BASE_PATH } from './context.ts';
import { mediaBody } from './media-schemas.ts';
import type { FileBody, LinkBody, NewLinkBody, PartBody, UploadBody } from './schemas.ts';

/** The file as `principal` may see it: whoever only has a read link is not told the digests of the content. */
export function fileBody(file: FileRecord, principal: Principal, media?: MediaRecord): FileBody {
  const { uid, name, contentType, size, verified, rejectedReason, sha256, md5 } = file;
  const shown = principal.kind === 'link' && principal.scope === 'read' ? {} : given({ sha256, md5 });
  return {
    uid,
    name,
    contentType,
    size,
    state: file.state === 'deleted' ? 'rejected' : file.state,
    ...given({ rejectedReason }),
    ...shown,
    ...(media === undefined ? {} : { media: mediaBody(media) }),
    verified,
    createdAt: iso(file.createdAt),
    updatedAt: iso(file.updatedAt),
  };
}

export function partBody({ number, size, md5, sha256 }: PartRecord): PartBody {
  return { number, size, ...given({ md5 }), sha256 };
}

/** `file` is left out when the upload is not complete or its file was deleted. */
export function uploadBody(
  { upload, parts }: UploadStatus,
  file: FileRecord | undefined,
  view: { readonly principal: Principal; readonly now: number },
): UploadBody {
  const { uid, name, size, partSize, expiresAt } = upload;
  const state = upload.state === 'open' && expiresAt <= view.now ? 'aborted' : upload.state;
  return {
    uid,
    state,
    name,
    ...given({ size }),
    partSize,
    ...(state === 'open' ? { expiresAt: iso(expiresAt) } : {}),
    parts: parts.map(partBody),
    ...(file === undefined ? {} : { file: fileBody(file, view.principal) }),
  };
}

export function newUploadBody(upload: UploadRecord): UploadBody {
  const { uid, name, size, partSize, expiresAt } = upload;
  return { uid, state: 'open', name, ...given({ size }), partSize, expiresAt: iso(expiresAt), parts: [] };
}

/** An upload that never needed a part: its file was made at once. */
export function instantBody(file: FileRecord, core: Core, principal: Principal): UploadBody {
  const { uid, name, size } = file;
  const { partSize } = core.uploads.settings;
  return { uid, state: 'completed', name, size, partSize, parts: [], file: fileBody(file, principal) };
}

export function linkBody(link: LinkRecord): LinkBody {
  const { id, uid, scope, disposition, maxUses, uses } = link;
  return {
    id,
    uid,
    scope,
    ...(scope === 'read' ? { disposition } : {}),
    createdAt: iso(link.createdAt),
    expiresAt: iso(link.expiresAt),
    ...(maxUses === undefined ? {} : { maxUses, uses }),
  };
}

/** `publicUrl` is the base of the URL; without it the URL is a path. */
export function newLinkBody({ link, token }: CreatedLink, publicUrl: string | undefined): NewLinkBody {
  const base = (publicUrl ?? '').replace(/\/+$/, '');
  const path = link.scope === 'read' ? `files/${link.uid}/content` : `uploads/${link.uid}`;
  return { ...linkBody(link), token, url: `${base}${BASE_PATH}/${path}?link=${token}` };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Only what is there. */
export function given<T extends object>(values: T): Given<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>;
}

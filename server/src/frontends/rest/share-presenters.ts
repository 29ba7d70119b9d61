import type { EntryPage } from '#core/drive/tree.ts';
import { OsproxyError } from '#core/errors.ts';
import type { Entry } from '#core/model/entry.ts';
import type { FileRecord } from '#core/model/file.ts';
import type { Share } from '#core/model/share.ts';
import { previewKindOf } from '../http/preview-kind.ts';
import { BASE_PATH } from './context.ts';
import type { PreviewBody, ShareBody, SharedBody, SharedEntryBody } from './share-schemas.ts';

type EntryPlace = NonNullable<EntryPage['next']>;

/** For the owner; `base` as publicBaseOf. */
export function shareBody(share: Share, base: string | undefined): ShareBody {
  const { id, entryId, key, permission, label, downloads, uploads } = share;
  const { maxDownloads, maxUploads, maxUploadBytes } = share;
  return {
    ...{ id, entry: entryId, url: `${base ?? ''}${sharedPath(key)}`, key, permission },
    ...given({ label }),
    hasPassword: share.password !== undefined,
    ...given({ expiresAt: time(share.expiresAt), maxDownloads }),
    downloads,
    ...given({ maxUploads, maxUploadBytes }),
    uploads,
    createdAt: iso(share.createdAt),
    updatedAt: iso(share.updatedAt),
    ...given({ lastUsedAt: time(share.lastUsedAt) }),
  };
}

export function sharedPath(key: string): string {
  return `${BASE_PATH}/shared/${encodeURIComponent(key)}`;
}

/** For a visitor who may see it. */
export function sharedBody(share: Share, root: Entry): SharedBody {
  const { permission, maxDownloads, downloads, maxUploads, uploads, maxUploadBytes } = share;
  const left = (most: number | undefined, count: number) =>
    most === undefined ? undefined : Math.max(0, most - count);
  return {
    ...{ needsPassword: false, permission, kind: root.kind, name: root.name },
    ...(permission === 'upload' ? {} : { entry: sharedEntryBody(root) }),
    ...given({
      expiresAt: time(share.expiresAt),
      downloadsLeft: left(maxDownloads, downloads),
      uploadsLeft: left(maxUploads, uploads),
      maxUploadBytes,
    }),
  };
}

export function sharedEntryBody({ id, kind, name, size, contentType, modifiedAt }: Entry): SharedEntryBody {
  return {
    ...{ id, kind, name, size },
    ...(contentType === undefined ? {} : { contentType, preview: previewKindOf(contentType, name) }),
    modifiedAt: iso(modifiedAt),
  };
}

/** `pathOf` gives the path of the bytes, the text or a thumbnail of the file. */
export function previewBody(
  { contentType, name, size }: FileRecord,
  sizes: readonly number[],
  pathOf: (what: 'content' | 'text' | 'thumbnail', query: string) => string,
): PreviewBody {
  const kind = previewKindOf(contentType, name);
  const shown = kind !== 'none' && kind !== 'text';
  return {
    ...{ kind, contentType, size },
    content: shown ? pathOf('content', 'disposition=inline') : null,
    text: kind === 'text' ? pathOf('text', '') : null,
    thumbnails:
      kind === 'image' ? sizes.map((side) => ({ size: side, url: pathOf('thumbnail', `size=${side}`) })) : [],
  };
}

/** Opaque to clients: where the next page of a folder begins. */
export function encodePlace(place: EntryPlace): string {
  return Buffer.from(JSON.stringify([place.kind, place.value, place.id])).toString('base64url');
}

/** Throws InvalidArgument for text that encodePlace did not make. */
export function decodePlace(cursor: string): EntryPlace {
  try {
    const [kind, value, id]: unknown[] = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    const isKind = kind === 'folder' || kind === 'file';
    const isValue = typeof value === 'string' || Number.isSafeInteger(value);
    if (isKind && isValue && typeof id === 'string' && /^[1-9]\d{0,18}$/.test(id)) {
      return { kind, value: value as string | number, id };
    }
  } catch {
    // Told below.
  }
  throw new OsproxyError(
    'InvalidArgument',
    'Query parameter "cursor" must be the `next` of an answer before; leave it out for the first page.',
    { details: { field: 'cursor' } },
  );
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function time(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : iso(ms);
}

function given<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}

import type { Core } from '#core/core.ts';
import type { UploadToDrive, Written } from '#core/drive/drive-uploads.ts';
import { OsproxyError } from '#core/errors.ts';
import type { DriveJob, Entry } from '#core/model/entry.ts';
import type { FileRecord } from '#core/model/file.ts';
import type { DriveTaskBody, EntryBody } from './drive-schemas.ts';
import { given } from './presenters.ts';

/** An entry with what is known of its present content. */
function entryBody(entry: Entry, file: FileRecord | undefined, shared: boolean): EntryBody {
  const { id, kind, name, parentId, starredAt, createdAt, modifiedAt, updatedAt } = entry;
  const { size, contentType, version, trashedAt, trashedFrom } = entry;
  const content = kind === 'file' ? { size, version, ...given({ contentType }), ...stateBody(file) } : {};
  return {
    ...{ id, kind, name, ...given({ parentId }), ...content },
    ...given({ starredAt: time(starredAt) }),
    ...(shared ? { shared } : {}),
    ...{ createdAt: iso(createdAt), modifiedAt: iso(modifiedAt), updatedAt: iso(updatedAt) },
    ...given({ trashedAt: time(trashedAt), trashedFrom }),
  };
}

export function stateBody(
  file: FileRecord | undefined,
): Pick<EntryBody, 'state' | 'rejectedReason' | 'sha256'> {
  if (file === undefined || file.state === 'deleted') return { state: 'lost' };
  const { state, rejectedReason, verified, sha256 } = file;
  return { state, ...given({ rejectedReason, sha256: verified ? sha256 : undefined }) };
}

export async function entriesBody(core: Core, entries: readonly Entry[]): Promise<EntryBody[]> {
  const [files, shared] = await Promise.all([
    core.drive.files(entries),
    core.shares.owned.sharedAmong(entries.map(({ id }) => id)),
  ]);
  return entries.map((entry) => entryBody(entry, files.get(entry.fileUid ?? ''), shared.has(entry.id)));
}

/** Of a file that was stored just now. An entry that is new is in no share by itself. */
export async function writtenBody(core: Core, { entry, file }: Written): Promise<EntryBody> {
  const { owned } = core.shares;
  const shared = entry.version > 1 && (await owned.sharedAmong([entry.id])).has(entry.id);
  return entryBody(entry, file, shared);
}

export async function oneEntryBody(core: Core, entry: Entry): Promise<EntryBody> {
  const [body] = await entriesBody(core, [entry]);
  if (body === undefined) throw new OsproxyError('Internal', 'An entry has no body.');
  return body;
}

export function driveTaskBody(job: DriveJob): DriveTaskBody {
  const { id, kind, state, error, stagingId, done, total, createdAt, endedAt } = job;
  const entryId = kind === 'copy' && state === 'done' ? stagingId : undefined;
  return {
    ...{ id, kind, state, ...given({ error, entryId }), done, ...given({ total }) },
    ...{ createdAt: iso(createdAt), ...given({ endedAt: time(endedAt) }) },
  };
}

export function driveUploadBody({ upload, to, entryId }: UploadToDrive) {
  const { uid, partSize, expiresAt } = upload;
  const { name, parentId, conflict, size, createdAt } = to;
  return {
    ...{ uid, name, parentId, conflict, size, partSize, ...given({ entryId }) },
    ...{ expiresAt: iso(expiresAt), createdAt: iso(createdAt) },
  };
}

/** Opaque to clients: where the next page of a list begins. */
export function encodePlace(place: object | undefined): string | null {
  return place === undefined ? null : Buffer.from(JSON.stringify(place)).toString('base64url');
}

interface Place {
  readonly kind?: unknown;
  readonly value?: unknown;
  readonly at?: unknown;
  readonly id?: unknown;
}

/** Throws InvalidArgument for text that encodePlace did not make. */
export function decodePlace<T extends object>(
  cursor: string | undefined,
  isPlace: (place: Place) => boolean,
) {
  if (cursor === undefined) return undefined;
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (typeof place === 'object' && place !== null && isId((place as Place).id) && isPlace(place)) {
      return place as T;
    }
  } catch {
    // As for any other text.
  }
  throw new OsproxyError(
    'InvalidArgument',
    'Query parameter "cursor" must be the `next` of an answer before; leave it out for the first page.',
    { details: { field: 'cursor' } },
  );
}

export function isTimePlace({ at }: Place): boolean {
  return Number.isSafeInteger(at);
}

export function isEntryPlace({ kind, value }: Place): boolean {
  return (kind === 'folder' || kind === 'file') && (typeof value === 'string' || Number.isSafeInteger(value));
}

function isId(id: unknown): boolean {
  return typeof id === 'string' && /^[1-9][0-9]{0,18}$/.test(id);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function time(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : iso(ms);
}

import { OsproxyError } from '../errors.ts';
import type { Entry } from '../model/entry.ts';
import type { SharePermission } from '../model/share.ts';
import { checkName } from '../names.ts';

/** What an owner may say about a share; `undefined` sets no limit. */
export interface ShareTerms {
  readonly permission: SharePermission;
  readonly label: string | undefined;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | undefined;
  readonly maxDownloads: number | undefined;
  readonly maxUploads: number | undefined;
  /** Bytes. */
  readonly maxUploadBytes: number | undefined;
}

const MOST = 1_000_000;
const PASSWORD_CHARACTERS = 4;
const PASSWORD_BYTES = 1024;

/** Throws InvalidArgument naming the field. `latest` is the last moment at which a share may end, where there is one. */
export function checkTerms(terms: ShareTerms, entry: Entry, now: number, latest: number | undefined): void {
  if (entry.parentId === undefined) {
    throw bad('entry', 'The root folder cannot be shared; share a folder in it.');
  }
  if (terms.permission === 'upload' && entry.kind !== 'folder') {
    throw bad('permission', 'Only a folder can be shared for uploads.');
  }
  if (terms.label !== undefined) checkName(terms.label, 'label');
  checkExpiry(terms.expiresAt, now, latest);
  checkNumber('maxDownloads', terms.maxDownloads, MOST);
  checkNumber('maxUploads', terms.maxUploads, MOST);
  checkNumber('maxUploadBytes', terms.maxUploadBytes, Number.MAX_SAFE_INTEGER);
  const uploads = terms.permission === 'upload';
  if (uploads && terms.maxDownloads !== undefined) {
    throw bad('maxDownloads', 'Nothing can be downloaded through a share for uploads.');
  }
  if (!uploads && (terms.maxUploads !== undefined || terms.maxUploadBytes !== undefined)) {
    throw bad('maxUploads', 'Limits of uploads are for shares with the permission "upload" only.');
  }
}

/** Throws InvalidArgument. */
export function checkSharePassword(password: string): void {
  if ([...password].length < PASSWORD_CHARACTERS || Buffer.byteLength(password) > PASSWORD_BYTES) {
    throw bad(
      'password',
      `A password of a share has at least ${PASSWORD_CHARACTERS} characters and at most ${PASSWORD_BYTES} bytes.`,
    );
  }
}

function checkExpiry(at: number | undefined, now: number, latest: number | undefined): void {
  if (latest !== undefined && (at === undefined || at > latest)) {
    throw bad('expiresAt', `Shares must end by ${new Date(latest).toISOString()} at the latest.`);
  }
  if (at !== undefined && (!Number.isSafeInteger(at) || at <= now)) {
    throw bad('expiresAt', 'expiresAt must be a moment in the future.');
  }
}

function checkNumber(field: string, value: number | undefined, most: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= most)) return;
  throw bad(field, `${field} must be a whole number from 1 to ${most}.`);
}

function bad(field: string, message: string): OsproxyError {
  return new OsproxyError('InvalidArgument', message, { details: { field } });
}

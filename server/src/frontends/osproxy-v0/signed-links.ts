import { categoryOf } from '#core/categories.ts';
import { OsproxyError } from '#core/errors.ts';
import type { LinkSigner } from '#core/link-signer.ts';
import type { FileRecord } from '#core/model/file.ts';
import type { Uid } from '#core/model/uid.ts';
import { extensionOf } from '#core/names.ts';
import type { Clock } from '#core/ports/clock.ts';
import { integerOf, invalid, type Query, textOf, uidOf } from './query.ts';

export const BASE_PATH = '/api/storage/v0';

/** How long a link is good: `date` and `expire` as they travel, `until` in milliseconds since the epoch. */
export interface Term {
  readonly date: string;
  readonly expire: string;
  readonly until: number;
}

export interface UploadUrls {
  readonly single: string;
  readonly multi: { readonly upload: string; readonly merge: string };
}

/** What a download link says, not verified yet. */
export interface DownloadLink {
  readonly uid: Uid;
  readonly name: string;
  readonly term: Term;
  readonly bucket: string;
  readonly object: string;
  readonly signature: string;
}

const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const LONGEST_TERM_SECONDS = 9_999_999_999;
/** Characters of a percent-encoded name or extension in a link: names may be longer than URLs. */
const LONGEST_NAME = 3000;
const LONGEST_EXTENSION = 300;

/** Makes and checks the signed URLs of this wire. Everything a link needs is in the parameters that clients copy out of it. */
export class SignedLinks {
  readonly #signer: LinkSigner;
  readonly #clock: Clock;

  constructor(signer: LinkSigner, clock: Clock) {
    this.#signer = signer;
    this.#clock = clock;
  }

  /** A term of `seconds` that begins now. */
  term(seconds: number): Term {
    const date = `${new Date(this.#clock.now()).toISOString().slice(0, 19)}Z`;
    return { date, expire: String(seconds), until: Date.parse(date) + seconds * 1000 };
  }

  uploadUrls(uid: Uid, { date, expire }: Term): UploadUrls {
    const signature = this.#signer.sign(['v0', 'upload', uid, date, expire]);
    const query = `uid=${uid}&date=${date}&expire=${expire}&signature=${signature}`;
    const at = (path: string) => `${BASE_PATH}${path}?${query}`;
    return { single: at('/upload'), multi: { upload: at('/upload/multi'), merge: at('/upload/merge') } };
  }

  downloadUrl(file: FileRecord, { date, expire }: Term): string {
    const { uid, linkEpoch } = file;
    const name = shortened(file.name);
    const bucket = categoryOf(extensionOf(file.name));
    const object = objectNameOf(file);
    const signature = this.#signer.sign(downloadFields(uid, name, date, expire, bucket, object, linkEpoch));
    return (
      `${BASE_PATH}/download?uid=${uid}&name=${encodeURIComponent(name)}&date=${date}&expire=${expire}` +
      `&bucket=${bucket}&object=${encodeURIComponent(object)}&signature=${signature}`
    );
  }

  /** The uid and term of a correctly signed upload link, which may be over. Throws InvalidArgument. */
  readUpload(query: Query): { readonly uid: Uid; readonly term: Term } {
    const uid = uidOf(query);
    const term = readTerm(query);
    const signature = textOf(query, 'signature');
    this.#verify(['v0', 'upload', uid, term.date, term.expire], signature);
    return { uid, term };
  }

  /** What a download link says; call requireDownload() before acting on it. */
  readDownload(query: Query): DownloadLink {
    return {
      uid: uidOf(query),
      name: textOf(query, 'name'),
      term: readTerm(query),
      bucket: textOf(query, 'bucket'),
      object: textOf(query, 'object'),
      signature: textOf(query, 'signature'),
    };
  }

  /** Throws InvalidArgument unless the link was signed for the file as it is now and is not over. */
  requireDownload(link: DownloadLink, linkEpoch: number): void {
    const { uid, name, term, bucket, object } = link;
    this.#verify(
      downloadFields(uid, name, term.date, term.expire, bucket, object, linkEpoch),
      link.signature,
    );
    this.requireCurrent(term);
  }

  isCurrent(term: Term): boolean {
    return this.#clock.now() < term.until;
  }

  /** Throws InvalidArgument for a link that is over. */
  requireCurrent(term: Term): void {
    if (this.isCurrent(term)) return;
    const end = new Date(term.until).toISOString();
    throw new OsproxyError('InvalidArgument', `This link expired at ${end}; ask for a new one.`, {
      details: { field: 'expire' },
    });
  }

  #verify(fields: readonly string[], signature: string): void {
    if (this.#signer.verify(fields, signature)) return;
    throw new OsproxyError(
      'InvalidArgument',
      'The signature does not fit this link: send the parameters of one link unchanged, or ask for a new link.',
      { details: { field: 'signature' } },
    );
  }
}

/** `<uid>.<ext>`, a label; the uid alone where the name has no extension. */
export function objectNameOf(file: FileRecord): string {
  const extension = extensionOf(file.name);
  const usable = extension !== '' && encodedLength(extension) <= LONGEST_EXTENSION;
  return usable ? `${file.uid}.${extension}` : file.uid;
}

function downloadFields(
  uid: Uid,
  name: string,
  date: string,
  expire: string,
  bucket: string,
  object: string,
  linkEpoch: number,
): string[] {
  return ['v0', 'download', uid, name, date, expire, bucket, object, String(linkEpoch)];
}

function readTerm(query: Query): Term {
  const date = textOf(query, 'date');
  const start = DATE.test(date) ? Date.parse(date) : Number.NaN;
  if (Number.isNaN(start)) throw invalid('date', 'must be a UTC time of the form YYYY-MM-DDTHH:MM:SSZ');
  const seconds = integerOf(query, 'expire', 1, LONGEST_TERM_SECONDS);
  return { date, expire: String(seconds), until: start + seconds * 1000 };
}

/** The name as it fits into a URL, its extension kept. */
function shortened(name: string): string {
  if (encodedLength(name) <= LONGEST_NAME) return name;
  const dot = name.lastIndexOf('.');
  const tail = dot > 0 && encodedLength(name.slice(dot)) <= LONGEST_EXTENSION ? name.slice(dot) : '';
  let left = LONGEST_NAME - encodedLength(tail);
  let end = 0;
  for (const character of name) {
    left -= encodedLength(character);
    if (left < 0) break;
    end += character.length;
  }
  return name.slice(0, end) + tail;
}

function encodedLength(text: string): number {
  return encodeURIComponent(text).length;
}

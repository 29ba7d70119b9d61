import { OsproxyError } from './errors.ts';
import type { Expectation } from './model/blob.ts';
import type { FileRecord } from './model/file.ts';
import type { Uid } from './model/uid.ts';
import { type HashedParts, MAX_PARTS, type PartRecord, type UploadRecord } from './model/upload.ts';

/** What a client says when it completes an upload; every given fact is checked. */
export interface CompleteRequest {
  /** How many parts there are. */
  readonly parts?: number | undefined;
  /** Number of the first part: 1 unless the client's protocol counts otherwise. */
  readonly firstPart?: number | undefined;
  /** What the file is called, where that was not known when the upload began. */
  readonly name?: string | undefined;
  /** Bytes of the whole content. */
  readonly size?: number | undefined;
  readonly md5?: string | undefined;
  readonly sha256?: string | undefined;
  /** Of exactly the parts that are here, hashed before: then nothing is left to verify. */
  readonly hashed?: HashedParts | undefined;
}

/** Facts about the whole content after the declared ones were checked against the stored parts. */
export interface WholeFacts {
  readonly size: number;
  readonly md5: string | undefined;
  readonly sha256: string | undefined;
}

const SHOWN_NUMBERS = 10;
const COMPARABLE_AFTER_SECONDS = 2;

/** Throws InvalidArgument, ChecksumMismatch or Conflict naming what does not fit; the parts stay so that the client can go on. */
export function checkParts(
  upload: UploadRecord,
  parts: readonly PartRecord[],
  request: CompleteRequest,
): WholeFacts {
  const before = (request.firstPart ?? 1) - 1;
  const last = (parts.at(-1)?.number ?? before) - before;
  const count = request.parts ?? last;
  if (!Number.isInteger(count) || count < 0 || count > MAX_PARTS) {
    throw new OsproxyError(
      'InvalidArgument',
      `The number of parts must be a whole number of at most ${MAX_PARTS}.`,
      {
        details: { field: 'parts' },
      },
    );
  }
  if (last === 0 && (request.size ?? upload.size) !== 0) {
    throw new OsproxyError(
      'InvalidArgument',
      'No part was received yet; an empty file needs size 0 declared.',
      {
        details: { field: 'parts', received: 0 },
      },
    );
  }
  const have = new Set(parts.map((part) => part.number));
  const missing = Array.from({ length: Math.max(count, last) }, (_, index) => index + 1).filter(
    (n) => !have.has(n + before),
  );
  if (missing.length > 0) {
    const shown = missing.slice(0, SHOWN_NUMBERS).join(', ') + (missing.length > SHOWN_NUMBERS ? ', …' : '');
    throw new OsproxyError('InvalidArgument', `Parts are missing: ${shown}. Send them and complete again.`, {
      details: { field: 'parts', missing: missing.slice(0, 100), received: parts.length },
    });
  }
  if (parts.length > count) {
    throw new OsproxyError(
      'InvalidArgument',
      `${count} parts were declared, but ${parts.length} were received.`,
      {
        details: { field: 'parts', declared: count, received: parts.length },
      },
    );
  }
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  checkSize(size, request.size);
  checkSize(size, upload.size);
  const [only] = parts;
  const single = parts.length === 1 ? only : undefined;
  return {
    size,
    md5: agree('md5', request.md5, upload.md5, single?.md5),
    sha256: agree('sha256', request.sha256, upload.sha256, single?.sha256),
  };
}

/**
 * A repeated completion is answered with the file when every fact it gives is known to fit. Throws Conflict for another one, and for a
 * digest that cannot be compared: retryable while the whole has not been hashed here.
 */
export function checkCompleted(uid: Uid, file: FileRecord | undefined, request: CompleteRequest): FileRecord {
  if (file === undefined || file.state === 'deleted') {
    throw new OsproxyError('NotFound', `The file ${uid} was deleted.`, { details: { uid } });
  }
  const differs =
    (request.size !== undefined && request.size !== file.size) ||
    (request.md5 !== undefined && file.md5 !== undefined && request.md5 !== file.md5) ||
    (request.sha256 !== undefined && file.sha256 !== undefined && request.sha256 !== file.sha256);
  if (differs) {
    throw new OsproxyError('Conflict', `Upload ${uid} was completed with other size or digests.`, {
      details: { uid },
    });
  }
  if (file.state !== 'rejected') checkComparable(file, request);
  return file;
}

/** What the first completion did not declare is known only when the whole has been hashed; then its SHA-256 alone says everything. */
function checkComparable(file: FileRecord, { md5, sha256 }: CompleteRequest): void {
  const { uid } = file;
  if (sha256 !== undefined && file.sha256 !== undefined && file.verified) return;
  const isUnknown =
    (sha256 !== undefined && file.sha256 === undefined) || (md5 !== undefined && file.md5 === undefined);
  if (!isUnknown) return;
  if (file.verified) {
    throw new OsproxyError(
      'Conflict',
      `Upload ${uid} was completed without an MD5, so that none is known to compare with; give the SHA-256.`,
      { details: { uid, field: 'md5' } },
    );
  }
  throw new OsproxyError(
    'Conflict',
    `Upload ${uid} was completed without this digest and is being verified; ask again when it is.`,
    { details: { uid }, retryable: true, retryAfterSeconds: COMPARABLE_AFTER_SECONDS },
  );
}

function checkSize(actual: number, declared: number | undefined): void {
  if (declared === undefined || declared === actual) return;
  throw new OsproxyError(
    'InvalidArgument',
    `The parts have ${actual} bytes together, but ${declared} were declared.`,
    {
      details: { field: 'size', declared, received: actual },
    },
  );
}

function agree(
  algorithm: 'md5' | 'sha256',
  requested: string | undefined,
  declared: string | undefined,
  computed: string | undefined,
): string | undefined {
  if (requested !== undefined && declared !== undefined && requested !== declared) {
    throw new OsproxyError(
      'Conflict',
      `The ${algorithm} differs from the one declared when the upload was created.`,
      {
        details: { field: algorithm },
      },
    );
  }
  const wanted = requested ?? declared;
  if (wanted !== undefined && computed !== undefined && wanted !== computed) {
    throw new OsproxyError(
      'ChecksumMismatch',
      `The ${algorithm} of the content is ${computed}, but ${wanted} was declared.`,
      {
        details: { algorithm, declared: wanted, received: computed },
      },
    );
  }
  return wanted ?? computed;
}

/** Throws TooLarge above `max`, InvalidArgument for what cannot be a size. */
export function checkFileSize(size: number, max: number): void {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new OsproxyError('InvalidArgument', 'The size must be a whole number of bytes from 0.', {
      details: { field: 'size' },
    });
  }
  if (size <= max) return;
  throw new OsproxyError('TooLarge', `The file has ${size} bytes; at most ${max} are allowed.`, {
    details: { limit: max, size },
  });
}

/** What was declared at creation together with what is declared now; throws Conflict where they contradict each other. */
export function mergeExpectations(upload: UploadRecord, expect: Expectation): Expectation {
  const differs = (field: string, before: unknown, now: unknown) => {
    if (before === undefined || now === undefined || before === now) return;
    throw new OsproxyError(
      'Conflict',
      `The ${field} differs from the one declared when the upload was created.`,
      { details: { field } },
    );
  };
  differs('size', upload.size, expect.size);
  differs('md5', upload.md5, expect.md5);
  differs('sha256', upload.sha256, expect.sha256);
  return {
    size: expect.size ?? upload.size,
    md5: expect.md5 ?? upload.md5,
    sha256: expect.sha256 ?? upload.sha256,
    sha1: expect.sha1,
  };
}

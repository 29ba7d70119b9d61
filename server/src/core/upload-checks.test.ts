import { describe, expect, it } from 'vitest';
import { isOsproxyError } from './errors.ts';
import type { FileRecord } from './model/file.ts';
import type { PartRecord, UploadRecord } from './model/upload.ts';
import { checkCompleted, checkFileSize, checkParts, mergeExpectations } from './upload-checks.ts';

const upload = (facts: Partial<UploadRecord> = {}): UploadRecord => ({
  uid: '1',
  owner: 'a',
  name: 'n',
  state: 'open',
  size: undefined,
  md5: undefined,
  sha256: undefined,
  partSize: 1,
  store: undefined,
  transferTo: undefined,
  createdAt: 0,
  expiresAt: 1,
  completedAt: undefined,
  ...facts,
});
const part = (number: number, size = 10, md5: string | undefined = 'm'): PartRecord => ({
  number,
  blobId: String(number),
  size,
  md5,
  sha256: 's',
  contentType: undefined,
  createdAt: 0,
});

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'fine';
  } catch (error) {
    return isOsproxyError(error) ? error.code : String(error);
  }
}

describe('checkParts', () => {
  it.each([
    ['all parts, nothing declared', [1, 2, 3], {}, {}, 'fine'],
    ['right number and size', [1, 2], { parts: 2, size: 20 }, { size: 20 }, 'fine'],
    ['a gap', [1, 3], {}, {}, 'InvalidArgument'],
    ['no first part', [2], {}, {}, 'InvalidArgument'],
    ['fewer than declared', [1, 2], { parts: 3 }, {}, 'InvalidArgument'],
    ['more than declared', [1, 2], { parts: 1 }, {}, 'InvalidArgument'],
    ['none at all', [], {}, {}, 'InvalidArgument'],
    ['none, but a size', [], { parts: 0, size: 5 }, {}, 'InvalidArgument'],
    ['none of an empty file', [], { size: 0 }, {}, 'fine'],
    ['none of a file created as empty', [], {}, { size: 0 }, 'fine'],
    ['none, empty and not empty declared', [], { size: 0 }, { size: 3 }, 'InvalidArgument'],
    ['a wrong size now', [1], { size: 11 }, {}, 'InvalidArgument'],
    ['a wrong size at creation', [1], {}, { size: 11 }, 'InvalidArgument'],
    ['no whole number of parts', [1], { parts: 1.5 }, {}, 'InvalidArgument'],
    ['a negative number of parts', [1], { parts: -1 }, {}, 'InvalidArgument'],
    ['too many parts', [1], { parts: 10_001 }, {}, 'InvalidArgument'],
    ['a digest that contradicts the one at creation', [1], { md5: 'm' }, { md5: 'x' }, 'Conflict'],
    ['a wrong digest of a single part', [1], { md5: 'x' }, {}, 'ChecksumMismatch'],
    ['a digest of several parts, checked later', [1, 2], { md5: 'x' }, {}, 'fine'],
    ['a wrong SHA-256 of a single part', [1], {}, { sha256: 'x' }, 'ChecksumMismatch'],
  ])('%s', (_what, numbers, request, facts, wanted) => {
    expect(
      codeOf(() =>
        checkParts(
          upload(facts),
          numbers.map((n) => part(n)),
          request,
        ),
      ),
    ).toBe(wanted);
  });

  it('names the first missing parts', () => {
    expect(() => checkParts(upload(), [part(1)], { parts: 50 })).toThrow('Parts are missing: 2, 3, 4');
    expect(() => checkParts(upload(), [part(10_000)], {})).toThrow(', …');
  });

  it('gives computed digests of a single part and declared ones otherwise', () => {
    expect(checkParts(upload(), [part(1)], {})).toEqual({ size: 10, md5: 'm', sha256: 's' });
    expect(checkParts(upload({ md5: 'd' }), [part(1), part(2)], {})).toEqual({
      size: 20,
      md5: 'd',
      sha256: undefined,
    });
  });
});

describe('checkCompleted', () => {
  const file = { uid: '1', state: 'ready', size: 10, md5: 'm', sha256: undefined } as FileRecord;
  const unknown = { ...file, md5: undefined, verified: false };
  it.each([
    [file, {}, 'fine'],
    [file, { size: 10, md5: 'm', sha256: 'unknown yet' }, 'Conflict'],
    [file, { size: 11 }, 'Conflict'],
    [file, { md5: 'x' }, 'Conflict'],
    [{ ...file, state: 'rejected' as const }, {}, 'fine'],
    [{ ...file, state: 'deleted' as const }, {}, 'NotFound'],
    [undefined, {}, 'NotFound'],
    [unknown, {}, 'fine'],
    [unknown, { md5: 'm' }, 'Conflict'],
    [unknown, { sha256: 's' }, 'Conflict'],
    [{ ...unknown, state: 'rejected' as const }, { sha256: 's' }, 'fine'],
    [{ ...unknown, sha256: 's' }, { sha256: 's' }, 'fine'],
    [{ ...unknown, sha256: 's' }, { sha256: 's', md5: 'm' }, 'Conflict'],
    [{ ...unknown, verified: true, sha256: 's' }, { sha256: 's', md5: 'm' }, 'fine'],
    [{ ...unknown, verified: true, sha256: 's' }, { md5: 'm' }, 'Conflict'],
  ])('%#', (found, request, wanted) => {
    expect(codeOf(() => checkCompleted('1', found, request))).toBe(wanted);
  });
});

describe('a digest that was not declared at first', () => {
  const file = { uid: '1', state: 'ready', size: 10 } as FileRecord;
  it.each([true, false])('is a Conflict; verified %j: it may be asked again only before that', (verified) => {
    const check = () => checkCompleted('1', { ...file, verified }, { md5: 'm' });
    expect(check).toThrow(expect.objectContaining({ code: 'Conflict', retryable: !verified }));
  });
});

describe('checkFileSize', () => {
  it.each([
    [0, 'fine'],
    [100, 'fine'],
    [101, 'TooLarge'],
    [-1, 'InvalidArgument'],
    [1.5, 'InvalidArgument'],
    [Number.NaN, 'InvalidArgument'],
    [Number.POSITIVE_INFINITY, 'InvalidArgument'],
  ])('%d: %s', (size, wanted) => {
    expect(codeOf(() => checkFileSize(size, 100))).toBe(wanted);
  });
});

describe('mergeExpectations', () => {
  it('keeps what either side declared', () => {
    const before = upload({ size: 5, md5: 'm' });
    expect(mergeExpectations(before, { sha256: 's', sha1: '1' })).toEqual({
      size: 5,
      md5: 'm',
      sha256: 's',
      sha1: '1',
    });
    expect(mergeExpectations(before, { size: 5, md5: 'm' })).toMatchObject({ size: 5, md5: 'm' });
  });

  it.each([{ size: 6 }, { md5: 'x' }, { sha256: 'x' }])('refuses a contradiction: %j', (expectation) => {
    const before = upload({ size: 5, md5: 'm', sha256: 's' });
    expect(codeOf(() => mergeExpectations(before, expectation))).toBe('Conflict');
  });
});

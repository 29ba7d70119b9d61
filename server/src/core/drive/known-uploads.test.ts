import { expect, it } from 'vitest';
import type { PersonPrincipal } from '../model/principal.ts';
import type { UploadRecord } from '../model/upload.ts';
import { type KnownUploadParts, KnownUploads } from './known-uploads.ts';

const PERSON = { kind: 'person', userId: '7', owner: '~7' } as PersonPrincipal;
const HASH = 'ab'.repeat(20);
const NOW = 1_000_000_000;

/** The uid of what is begun where an upload of the same content ends after `left` milliseconds. */
async function begunWith(left: number): Promise<string> {
  const record = (uid: string, expiresAt: number) =>
    ({ uid, name: HASH, size: 5, state: 'open', expiresAt }) as UploadRecord;
  const before = record('1', NOW + left);
  const parts = {
    clock: { now: () => NOW },
    uploads: { status: async () => ({ upload: before, parts: [] }) },
    drive: {
      uploads: {
        list: async () => ({ uploads: [{ upload: before }], next: undefined }),
        begin: async () => ({ upload: record('2', NOW + 3_600_000) }),
      },
    },
  };
  const uploads = new KnownUploads(parts as unknown as KnownUploadParts);
  return (await uploads.begin(PERSON, { sha1: HASH }, 5)).upload.uid;
}

it.each([
  [3_600_000, '1'],
  [61_000, '1'],
  [30_000, '2'],
  [0, '2'],
  [-1000, '2'],
])('an upload that has %i ms left: begun is upload %s', async (left, uid) => {
  expect(await begunWith(left)).toBe(uid);
});

import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { signUp, type TestPerson } from '../people.ts';
import { type RunningService, startService } from '../service.ts';
import { FilestoreClient, type Parts, type Record, sha1 } from './client.ts';

const MIB = 1 << 20;
const NONE = { code: 0, data: [] };

let service: RunningService;
let people: TestPerson[];
let clients: FilestoreClient[];
const as = (index: number): FilestoreClient => {
  const client = clients[index];
  if (client === undefined) throw new Error('the service has not started');
  return client;
};

const env = { OSPROXY_UPLOADS_PART_SIZE_MIB: '1' };

beforeAll(async () => {
  service = await startService({ env });
  people = [await signUp(service, 'alice'), await signUp(service, 'bob')];
  clients = [...people, undefined].map((person) => new FilestoreClient(service, person));
});
afterAll(async () => {
  for (const { client } of people ?? []) client.close();
  await service?.close();
});

const begin = async (who: number, bytes: Buffer, filehash = sha1(bytes)): Promise<Parts> => {
  const { code, data } = await as(who).post<Parts>('/file/mpupload/init', {
    filehash,
    filesize: bytes.length,
  });
  expect(code).toBe(0);
  return data;
};
const cut = (bytes: Buffer, size: number) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size));
const complete = (who: number, uploadid: string, bytes: Buffer, more: object = {}) =>
  as(who).post<Record>('/file/mpupload/complete', {
    ...{ uploadid, filehash: sha1(bytes), filesize: bytes.length, filename: 'film.mp4' },
    ...more,
  });
const status = (who: number, uploadid: string) => as(who).get<Parts>('/file/mpupload/status', { uploadid });
const files = async (who: number) => (await as(who).get<Record[]>('/file/query', { limit: 1000 })).data;

it.each([0, 1])(
  'parts counted from %i arrive in any order, in parallel and again, and become a file',
  async (first) => {
    const bytes = randomBytes(4 * MIB + 1234);
    const made = await begin(0, bytes);
    expect(made).toMatchObject({
      chunkSize: MIB,
      chunkCount: 5,
      fileHash: sha1(bytes),
      fileSize: bytes.length,
      uploaded: [],
    });
    const parts = cut(bytes, made.chunkSize).map((part, n) => ({ part, index: n + first }));
    await as(0).part(made.uploadId, first + 2, randomBytes(500));
    const twice = [...parts.toReversed(), ...parts];
    const answers = await Promise.all(twice.map(({ index, part }) => as(0).part(made.uploadId, index, part)));
    for (const answer of answers)
      expect(answer).toMatchObject({ status: 200, code: 0, msg: 'ok', data: null });
    expect((await status(0, made.uploadId)).data.uploaded).toEqual(parts.map(({ index }) => index));
    const done = await complete(0, made.uploadId, bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect(done).toMatchObject({
      ...{ status: 200, code: 0 },
      data: {
        fileName: `film${first === 0 ? '' : ' (1)'}.mp4`,
        fileSize: bytes.length,
        fileHash: sha1(bytes),
        sha256,
      },
    });
    expect((await complete(0, made.uploadId, bytes)).data).toEqual(done.data);
    const read = await as(0).download(sha1(bytes));
    expect(read.headers.get('content-type')).not.toBe('');
    expect(Buffer.from(await read.arrayBuffer()).equals(bytes)).toBe(true);
    expect((await as(0).get<Record>('/file/meta', { filehash: sha256 })).data).toEqual(done.data);
    expect(await complete(0, made.uploadId, bytes, { filesize: 5 })).toMatchObject({
      status: 409,
      code: -409,
    });
    expect(await status(0, made.uploadId)).toMatchObject({ status: 404, code: -404 });
  },
);

it('an upload that was interrupted goes on, also after the service was killed', async () => {
  const bytes = randomBytes(3 * MIB);
  const { uploadId } = await begin(0, bytes);
  await as(0).part(uploadId, 1, bytes.subarray(0, MIB));
  await service.kill();
  service = await startService({ env, dataDir: service.dataDir });
  clients = [...people, undefined].map((person) => new FilestoreClient(service, person));
  const init = { filehash: sha1(bytes), filesize: bytes.length };
  const found = await as(0).post<Parts>('/file/mpupload/init', init);
  expect(found.data).toMatchObject({ uploadId, uploaded: [1] });
  for (const index of [2, 3])
    await as(0).part(uploadId, index, bytes.subarray((index - 1) * MIB, index * MIB));
  const done = await complete(0, uploadId, bytes, { filename: 'a' });
  expect(done).toMatchObject({ code: 0, data: { fileName: 'a', fileHash: sha1(bytes) } });
});

it('is not completed while parts are missing, which stay', async () => {
  const bytes = randomBytes(3 * MIB);
  const { uploadId } = await begin(0, bytes);
  expect(await complete(0, uploadId, bytes)).toMatchObject({ status: 400, code: -400 });
  await as(0).part(uploadId, 1, bytes.subarray(0, MIB));
  await as(0).part(uploadId, 3, bytes.subarray(2 * MIB));
  const refused = await complete(0, uploadId, bytes);
  expect(refused).toMatchObject({ status: 400, code: -400 });
  expect(refused.msg).toContain('missing');
  expect((await status(0, uploadId)).data.uploaded).toEqual([1, 3]);
  await as(0).part(uploadId, 2, bytes.subarray(MIB, 2 * MIB));
  expect((await complete(0, uploadId, bytes)).code).toBe(0);
});

it('with a wrong hash at the end leaves nothing behind', async () => {
  const bytes = randomBytes(2 * MIB);
  const before = await files(0);
  const claimed = sha1(randomBytes(5));
  const { uploadId } = await begin(0, bytes, claimed);
  for (const [n, part] of cut(bytes, MIB).entries()) await as(0).part(uploadId, n + 1, part);
  const refused = await complete(0, uploadId, bytes, { filehash: claimed });
  expect(refused).toMatchObject({ status: 422, code: -422, data: null });
  expect(await status(0, uploadId)).toMatchObject({ status: 404 });
  expect(await complete(0, uploadId, bytes)).toMatchObject({ status: 410, code: -410 });
  for (const filehash of [claimed, sha1(bytes)]) {
    expect(await as(0).get('/file/meta', { filehash })).toMatchObject({ status: 404 });
    const fast = { filehash, filename: 'x', filesize: bytes.length };
    expect(await as(0).post('/file/fastupload', fast)).toMatchObject({ status: 404 });
  }
  expect(await files(0)).toEqual(before);
});

it('is given up by cancel, again and again, and not once it is a file', async () => {
  const bytes = randomBytes(MIB);
  const { uploadId: uploadid } = await begin(0, bytes);
  await as(0).part(uploadid, 1, bytes);
  for (const _again of [1, 2]) {
    expect(await as(0).post('/file/mpupload/cancel', { uploadid })).toMatchObject({ status: 200, code: 0 });
  }
  expect(await as(0).part(uploadid, 1, bytes)).toMatchObject({ status: 410, code: -410 });
  const next = await begin(0, bytes);
  expect(next).toMatchObject({ uploaded: [] });
  expect(next.uploadId).not.toBe(uploadid);
  await as(0).part(next.uploadId, 1, bytes);
  expect((await complete(0, next.uploadId, bytes)).code).toBe(0);
  const late = await as(0).post('/file/mpupload/cancel', { uploadid: next.uploadId });
  expect(late).toMatchObject({ status: 409, code: -409 });
});

it('belongs to one person; others and nobody learn nothing of it', async () => {
  const bytes = randomBytes(MIB);
  const { uploadId: uploadid } = await begin(0, bytes);
  await as(0).part(uploadid, 1, bytes);
  const calls = (who: number) => [
    status(who, uploadid),
    as(who).part(uploadid, 1, randomBytes(10)),
    complete(who, uploadid, bytes),
    as(who).post('/file/mpupload/cancel', { uploadid }),
  ];
  for (const answer of await Promise.all(calls(1))) expect([answer.status, answer.code]).toEqual([404, -404]);
  for (const answer of await Promise.all(calls(2))) expect([answer.status, answer.code]).toEqual([401, -401]);
  expect((await begin(1, bytes)).uploadId).not.toBe(uploadid);
  expect((await status(0, uploadid)).data.uploaded).toEqual([1]);
  expect((await complete(0, uploadid, bytes)).code).toBe(0);
  expect(await as(1).get('/file/query')).toMatchObject(NONE);
});

it('of the same content by two people at once is one copy and two files', async () => {
  const bytes = randomBytes(2 * MIB);
  const sent = async (who: number) => {
    const { uploadId } = await begin(who, bytes);
    await Promise.all(cut(bytes, MIB).map((part, n) => as(who).part(uploadId, n, part)));
    return complete(who, uploadId, bytes, { filename: `of ${who}` });
  };
  const made = await Promise.all([sent(0), sent(1)]);
  expect(made.map(({ data }) => data.fileName)).toEqual(['of 0', 'of 1']);
  await as(0).post('/file/delete', { filehash: sha1(bytes) });
  const read = await as(1).download(sha1(bytes));
  expect(Buffer.from(await read.arrayBuffer()).equals(bytes)).toBe(true);
});

it('refuses what cannot be', async () => {
  const bytes = randomBytes(MIB);
  const { uploadId: uploadid } = await begin(0, bytes);
  for (const wrong of [{ filehash: 'x' }, { filesize: '-1' }, { filesize: '1.5' }, { filehash: '' }]) {
    const init = { filehash: sha1(bytes), filesize: MIB, ...wrong };
    expect(await as(0).post('/file/mpupload/init', init)).toMatchObject({ status: 400, code: -400 });
  }
  expect(await as(0).part(uploadid, 10_000, bytes)).toMatchObject({ status: 400, code: -400 });
  expect(await as(0).part('none', 1, bytes)).toMatchObject({ status: 400 });
  expect(await as(0).part(uploadid, 1, randomBytes(MIB + 1))).toMatchObject({ status: 413, code: -413 });
  await as(0).part(uploadid, 1, bytes);
  for (const filename of ['a/b', '..', '', 'x'.repeat(300)]) {
    expect(await complete(0, uploadid, bytes, { filename })).toMatchObject({ status: 400, code: -400 });
  }
  expect((await complete(0, uploadid, bytes)).code).toBe(0);
});

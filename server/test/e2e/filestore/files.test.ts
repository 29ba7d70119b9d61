import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signUp, type TestPerson } from '../people.ts';
import { type RunningService, startService } from '../service.ts';
import { FilestoreClient, type Record, sha1 } from './client.ts';

let service: RunningService;
let people: TestPerson[];
let [alice, bob, nobody]: FilestoreClient[] = [];
const as = (client: FilestoreClient | undefined): FilestoreClient => {
  if (client === undefined) throw new Error('the service has not started');
  return client;
};

beforeAll(async () => {
  service = await startService();
  people = [await signUp(service, 'alice'), await signUp(service, 'bob')];
  [alice, bob] = people.map((person) => new FilestoreClient(service, person));
  nobody = new FilestoreClient(service);
});
afterAll(async () => {
  for (const { client } of people ?? []) client.close();
  await service?.close();
});

const stored = async (client: FilestoreClient | undefined, name: string, bytes: Buffer): Promise<Record> => {
  const { status, code, msg, data } = await as(client).upload(name, bytes);
  expect([status, code, msg]).toEqual([200, 0, 'ok']);
  return data;
};
const names = async (client: FilestoreClient | undefined) =>
  (await as(client).get<Record[]>('/file/query', { limit: 1000 })).data.map(({ fileName }) => fileName);

describe('files', () => {
  it('are stored from a form, found by SHA-1 or SHA-256, read, renamed and put into the trash', async () => {
    const bytes = randomBytes(200_000);
    const [filehash, sha256] = [sha1(bytes), createHash('sha256').update(bytes).digest('hex')];
    const record = await stored(alice, 'Grüße 报告.pdf', bytes);
    expect(record).toMatchObject({
      fileHash: filehash,
      sha256,
      fileName: 'Grüße 报告.pdf',
      fileSize: 200_000,
    });
    for (const hash of [filehash, filehash.toUpperCase(), sha256]) {
      expect((await as(alice).get('/file/meta', { filehash: hash })).data).toEqual(record);
    }
    const whole = await as(alice).download(filehash);
    expect([whole.status, whole.headers.get('content-length')]).toEqual([200, '200000']);
    expect(whole.headers.get('content-disposition')).toMatch(/^attachment; .*filename\*=UTF-8''Gr%C3%BC/);
    expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).toBe(true);
    const some = await as(alice).download(sha256, { range: 'bytes=10-19' });
    expect(some.status).toBe(206);
    expect(Buffer.from(await some.arrayBuffer())).toEqual(bytes.subarray(10, 20));

    const renamed = await as(alice).post<Record>('/file/update', { op: 0, filehash, filename: 'other.pdf' });
    expect([renamed.code, renamed.data.fileName]).toEqual([0, 'other.pdf']);
    for (const op of ['1', '', 'rename']) {
      const refused = await as(alice).post('/file/update', { op, filehash, filename: 'x' });
      expect([refused.status, refused.code]).toEqual([400, -400]);
    }
    expect(await as(alice).post('/file/delete', { filehash })).toMatchObject({
      status: 200,
      code: 0,
      data: null,
    });
    for (const gone of [
      await as(alice).get('/file/meta', { filehash }),
      await as(alice).post('/file/delete', { filehash }),
    ]) {
      expect(gone).toMatchObject({
        status: 404,
        code: -404,
        msg: 'You have no file with this hash.',
        data: null,
      });
    }
    expect((await as(alice).download(filehash)).status).toBe(404);
  });

  it('of equal name are kept both, and the latest come first', async () => {
    for (const text of ['one', 'two']) await stored(bob, 'same.txt', Buffer.from(text));
    await stored(bob, 'last.txt', Buffer.from('three'));
    expect(await names(bob)).toEqual(['last.txt', 'same (1).txt', 'same.txt']);
    const limited = await as(bob).get<Record[]>('/file/query', { limit: 1 });
    expect(limited.data.map(({ fileName }) => fileName)).toEqual(['last.txt']);
    for (const limit of ['0', '1001', 'x', '-1']) {
      expect(await as(bob).get('/file/query', { limit })).toMatchObject({ status: 400, code: -400 });
    }
    const filehash = sha1(Buffer.from('one'));
    const renamed = await as(bob).post<Record>('/file/update', { op: '0', filehash, filename: 'last.txt' });
    expect(renamed.data.fileName).toBe('last (1).txt');
  });

  it("are nobody else's business, whatever hash is known", async () => {
    const bytes = randomBytes(3000);
    const { fileHash: filehash } = await stored(alice, 'secret.bin', bytes);
    const before = await names(bob);
    const calls = (client: FilestoreClient) => [
      client.get('/file/meta', { filehash }),
      client.post('/file/update', { op: 0, filehash, filename: 'mine' }),
      client.post('/file/delete', { filehash }),
      client.post('/file/fastupload', { filehash, filename: 'mine', filesize: 3000 }),
    ];
    for (const answer of await Promise.all(calls(as(bob))))
      expect([answer.status, answer.code]).toEqual([404, -404]);
    for (const answer of await Promise.all(calls(as(nobody)))) {
      expect(answer).toMatchObject({ status: 401, code: -401, data: null });
    }
    expect((await as(bob).download(filehash)).status).toBe(404);
    expect((await as(nobody).download(filehash)).status).toBe(401);
    expect(await names(bob)).toEqual(before);
    expect((await as(alice).get<Record>('/file/meta', { filehash })).data.fileName).toBe('secret.bin');
  });

  it('have names, never paths', async () => {
    const bytes = () => randomBytes(100);
    expect((await stored(alice, '../../etc/passwd', bytes())).fileName).toBe('passwd');
    expect((await stored(alice, 'C:\\temp\\old.doc', bytes())).fileName).toBe('old.doc');
    const { fileHash: filehash } = await stored(alice, 'plain', bytes());
    for (const filename of ['a/b', '..', '.', 'a\nb', 'x'.repeat(256), '']) {
      const refused = await as(alice).post('/file/update', { op: 0, filehash, filename });
      expect([filename, refused.status, refused.code]).toEqual([filename, 400, -400]);
    }
    const before = await names(alice);
    for (const name of ['..', '.', 'a\u0001b']) {
      expect(await as(alice).upload(name, bytes())).toMatchObject({ status: 400, code: -400 });
    }
    expect(await names(alice)).toEqual(before);
  });

  it('arrive at once for whoever has the content already, as a file of its own', async () => {
    const bytes = randomBytes(70_000);
    const { fileHash: filehash, sha256 } = await stored(alice, 'first.bin', bytes);
    const wanted = { filehash, filename: 'second.bin', filesize: 70_000 };
    const made = await as(alice).post<Record>('/file/fastupload', wanted);
    expect([made.code, made.data.fileName, made.data.fileHash]).toEqual([0, 'second.bin', filehash]);
    const bySha256 = await as(alice).postJson<Record>('/file/fastupload', {
      ...{ filehash: sha256, filename: 'third.bin', filesize: 70_000 },
    });
    expect([bySha256.code, bySha256.data.fileName]).toEqual([0, 'third.bin']);
    for (const wrong of [{ filesize: 69_999 }, { filehash: sha1(randomBytes(9)) }]) {
      const missed = await as(alice).post('/file/fastupload', { ...wanted, ...wrong });
      expect([missed.status, missed.code]).toEqual([404, -404]);
      expect(missed.msg).toContain('use normal upload');
    }
    await as(alice).post('/file/delete', { filehash });
    expect((await as(alice).get<Record>('/file/meta', { filehash })).data.fileName).toBe('second.bin');
  });

  it('that two people send at once are one copy and two files', async () => {
    const bytes = randomBytes(1_500_000);
    const made = await Promise.all([stored(alice, 'mine.bin', bytes), stored(bob, 'hers.bin', bytes)]);
    expect(made.map(({ fileName }) => fileName)).toEqual(['mine.bin', 'hers.bin']);
    const [{ fileHash = '' } = {}] = made;
    await as(alice).post('/file/delete', { filehash: fileHash });
    expect(Buffer.from(await (await as(bob).download(fileHash)).arrayBuffer()).equals(bytes)).toBe(true);
  });
});

describe('the wire', () => {
  it('answers what it does not understand in its own form', async () => {
    for (const filehash of ['', 'xyz', 'a'.repeat(41), 'g'.repeat(40)]) {
      expect(await as(alice).get('/file/meta', { filehash })).toMatchObject({ status: 400, code: -400 });
    }
    expect(await as(alice).get('/file/none')).toMatchObject({ status: 404, code: -404, data: null });
    expect(await as(alice).get('/file/delete')).toMatchObject({ status: 405, code: -405 });
    const filehash = sha1(randomBytes(1));
    const both = ['filehash', filehash];
    const twice = await as(alice).get('/file/meta', [both, both]);
    expect(twice).toMatchObject({ status: 400, code: -400 });
    expect(await as(alice).postJson('/file/delete', [])).toMatchObject({ status: 400 });
    expect(await as(alice).post('/file/upload', { file: 'x' })).toMatchObject({ status: 415, code: -415 });
  });

  it('leads from the upload page to the web app', async () => {
    const page = await fetch(`${service.url}/file/upload`, { redirect: 'manual' });
    expect([page.status, page.headers.get('location')]).toEqual([302, '/']);
  });

  it('signs people in, and says who they are', async () => {
    const wrong = await as(nobody).post('/user/signin', { username: 'alice', password: 'wrong wrong' });
    expect(wrong).toMatchObject({ status: 401, code: -401, data: null });
    const signedIn = await as(nobody).post<{ accessToken: string; refreshToken: string; username: string }>(
      '/user/signin',
      { username: 'Alice', password: 'correct horse battery staple' },
    );
    expect(signedIn).toMatchObject({ status: 200, code: 0, data: { username: 'alice' } });
    expect(signedIn.data.refreshToken.length).toBeGreaterThan(20);
    const again = new FilestoreClient(service, signedIn.data);
    expect((await again.get('/user/info')).data).toMatchObject({
      username: 'alice',
      userId: people[0]?.userId,
    });
    expect(await as(nobody).get('/user/info')).toMatchObject({ status: 401, code: -401 });
  });

  it('signs nobody up where that is closed', async () => {
    const wanted = { username: 'eve', password: 'correct horse battery staple' };
    expect(await as(nobody).post('/user/signup', wanted)).toMatchObject({ status: 403, code: -403 });
    expect(await as(nobody).post('/user/signin', wanted)).toMatchObject({ status: 401 });
  });
});

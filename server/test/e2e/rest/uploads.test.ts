import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningService, startService } from '../service.ts';
import { createKey, hex, RestClient, random, times } from './client.ts';

let service: RunningService;
let client: RestClient;
let stranger: RestClient;

beforeAll(async () => {
  service = await startService();
  client = new RestClient(service.url, service.apiKey);
  stranger = new RestClient(service.url, await createKey(service, 'stranger', 'read,write,delete,links'));
});
afterAll(async () => {
  client?.close();
  stranger?.close();
  await service?.close();
});

describe('an upload in parts', () => {
  test('goes from open to a file that reads back', async () => {
    const created = await client.call('POST', '/uploads', { json: { name: 'film.bin', size: 9 } });
    expect(created.status).toBe(201);
    const { uid } = created.json;
    expect(created.headers.location).toBe(`/api/v1/uploads/${uid}`);
    expect(created.json).toEqual({
      uid: expect.stringMatching(/^[1-9][0-9]{10,18}$/),
      state: 'open',
      name: 'film.bin',
      size: 9,
      partSize: expect.any(Number),
      expiresAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      parts: [],
    });

    const second = await client.part(uid, 2, 'world');
    const first = await client.part(uid, 1, 'big ');
    expect(second.status).toBe(200);
    expect(first.json).toEqual({
      number: 1,
      size: 4,
      md5: hex('md5', 'big '),
      sha256: hex('sha256', 'big '),
    });
    const status = await client.call('GET', `/uploads/${uid}`);
    expect(status.json).toEqual({ ...created.json, parts: [first.json, second.json] });

    const done = await client.complete(uid, { parts: 2, size: 9, sha256: hex('sha256', 'big world') });
    expect(done.status).toBe(200);
    expect(done.json).toMatchObject({ uid, name: 'film.bin', size: 9, state: 'ready' });
    expect((await client.content(uid)).bytes.toString()).toBe('big world');
    const after = await client.call('GET', `/uploads/${uid}`);
    expect(after.json).toMatchObject({ state: 'completed', parts: [first.json, second.json] });
    expect(after.json.file.uid).toBe(uid);
    expect(after.json).not.toHaveProperty('expiresAt');
    expect(await client.settled(uid)).toMatchObject({ verified: true, sha256: hex('sha256', 'big world') });
  });

  test('answers nothing of how it is stored', async () => {
    const file = await client.putParts([random(10), random(10)]);
    const status = await client.call('GET', `/uploads/${file.uid}`);
    for (const text of [JSON.stringify(file), status.bytes.toString()]) {
      expect(text).not.toMatch(/blob|manifest|owner|store|placement|epoch|generation/i);
    }
  });

  test('completes with a single part that is verified at once', async () => {
    const uid = await client.open();
    await client.part(uid, 1, 'only');
    expect((await client.complete(uid)).json).toMatchObject({
      verified: true,
      md5: hex('md5', 'only'),
      sha256: hex('sha256', 'only'),
    });
  });

  test('keeps its parts when completion does not fit, and then goes on', async () => {
    const uid = await client.open({ name: 'a', size: 6 });
    await client.part(uid, 1, 'abc');
    await client.part(uid, 3, 'def');
    const gap = await client.complete(uid);
    expect(gap.status).toBe(400);
    expect(gap.json).toMatchObject({ code: 'InvalidArgument', details: { field: 'parts', missing: [2] } });
    await client.part(uid, 2, '!');
    expect((await client.complete(uid)).json).toMatchObject({ status: 400, details: { field: 'size' } });
    const other = await client.open({ name: 'a', size: 6 });
    await client.part(other, 1, 'abc');
    await client.part(other, 2, 'def');
    expect((await client.complete(other, { parts: 3 })).status).toBe(400);
    expect((await client.complete(other, { parts: 1 })).status).toBe(400);
    expect((await client.complete(other, { size: 5 })).status).toBe(400);
    expect((await client.call('GET', `/uploads/${other}`)).json.parts).toHaveLength(2);
    expect((await client.complete(other, { parts: 2, size: 6 })).status).toBe(200);
  });

  test('refuses a wrong digest of a single part at completion, and rejects that of several later', async () => {
    const single = await client.open();
    await client.part(single, 1, 'abc');
    const refused = await client.complete(single, { sha256: hex('sha256', 'other') });
    expect(refused.json).toMatchObject({ status: 422, code: 'ChecksumMismatch' });
    expect((await client.complete(single, { sha256: hex('sha256', 'abc').toUpperCase() })).status).toBe(200);

    const several = await client.open();
    await client.part(several, 1, 'abc');
    await client.part(several, 2, 'def');
    expect((await client.complete(several, { sha256: hex('sha256', 'other') })).status).toBe(200);
    const rejected = await client.settled(several);
    expect(rejected).toMatchObject({ state: 'rejected', verified: false });
    expect(rejected.rejectedReason).toMatch(/sha256|SHA-256/i);
    const content = await client.content(several);
    expect(content.json).toMatchObject({ status: 409, code: 'Conflict' });
    expect(content.json.detail).toContain(rejected.rejectedReason);
    expect(content.json.detail).not.toMatch(/[0-9a-f]{32}/);
  });

  test('can be completed again, also at once, and gives one file', async () => {
    const uid = await client.open();
    await client.part(uid, 1, 'abc');
    await client.part(uid, 2, 'def');
    const answers = await times(20, () => client.complete(uid, { parts: 2 }));
    expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(200));
    expect(new Set(answers.map((answer) => answer.json.uid))).toEqual(new Set([uid]));
    const { json } = await client.call('GET', '/files?limit=1000');
    expect(json.files.filter((file) => file.uid === uid)).toHaveLength(1);
    expect((await client.complete(uid, { size: 7 })).json).toMatchObject({ status: 409, code: 'Conflict' });
    expect((await client.part(uid, 1, 'abc')).status).toBe(200);
    expect((await client.part(uid, 1, 'xyz')).status).toBe(409);
  });

  test('does not take a digest that nobody declared or knows yet for a right one', async () => {
    const uid = await client.open();
    const parts = [random(2_000_000), random(2_000_000)];
    for (const [index, part] of parts.entries()) await client.part(uid, index + 1, part);
    const right = { sha256: hex('sha256', Buffer.concat(parts)) };
    const wrong = { sha256: hex('sha256', 'other') };
    const first = (await client.complete(uid)).json;
    const early = await client.complete(uid, wrong);
    expect(early.json).toMatchObject({ status: 409, code: 'Conflict' });
    expect([early.json.retryable, early.headers['retry-after'] !== undefined]).toEqual(
      early.json.retryable ? [true, true] : [false, false],
    );
    expect(first.verified).toBe(false);
    expect((await client.settled(uid)).state).toBe('ready');
    expect((await client.complete(uid, wrong)).json).toMatchObject({ status: 409, retryable: false });
    expect((await client.complete(uid, right)).status).toBe(200);
    expect((await client.complete(uid)).status).toBe(200);
  });

  test('takes the empty document and the empty body when it completes', async () => {
    for (const options of [{}, { json: {} }, { headers: { 'content-type': 'application/json' }, body: '' }]) {
      const uid = await client.open();
      await client.part(uid, 1, 'abc');
      expect((await client.call('POST', `/uploads/${uid}/complete`, options)).status).toBe(200);
    }
  });
});

describe('parts', () => {
  test('replace each other while the upload is open', async () => {
    const uid = await client.open();
    await client.part(uid, 1, 'old');
    await client.part(uid, 1, 'newer');
    expect((await client.part(uid, 1, 'newer')).status).toBe(200);
    expect((await client.complete(uid)).json.size).toBe(5);
    expect((await client.content(uid)).bytes.toString()).toBe('newer');
  });

  test('with one number and different content at once leave exactly one of them', async () => {
    const uid = await client.open();
    const contents = Array.from({ length: 12 }, () => random(40_000));
    const answers = await Promise.all(contents.map((content) => client.part(uid, 1, content)));
    expect(answers.every((answer) => answer.status === 200)).toBe(true);
    const { json } = await client.call('GET', `/uploads/${uid}`);
    expect(json.parts).toHaveLength(1);
    const winner = contents.find((content) => hex('sha256', content) === json.parts[0]?.sha256);
    await client.complete(uid);
    expect((await client.content(uid)).bytes.equals(winner as Buffer)).toBe(true);
  });

  test('sent at once with the same content are one part', async () => {
    const uid = await client.open();
    const body = random(100_000);
    const answers = await times(20, () => client.part(uid, 3, body));
    expect(new Set(answers.map((answer) => JSON.stringify(answer.json))).size).toBe(1);
    expect((await client.call('GET', `/uploads/${uid}`)).json.parts).toHaveLength(1);
  });

  test('still under way when the upload completes cannot change the file', async () => {
    const uid = await client.open();
    await client.part(uid, 1, 'abc');
    const held = Promise.withResolvers<void>();
    const slow = client.call('PUT', `/uploads/${uid}/parts/1`, {
      body: (async function* () {
        yield Buffer.from('other ');
        await held.promise;
        yield Buffer.from('content');
      })(),
    });
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect((await client.complete(uid)).status).toBe(200);
    held.resolve();
    expect((await slow).json).toMatchObject({ status: 409, code: 'Conflict' });
    expect((await client.content(uid)).bytes.toString()).toBe('abc');
  });

  test('that are cut off leave nothing and can be sent again', async () => {
    const uid = await client.open();
    const cut = client.call('PUT', `/uploads/${uid}/parts/1`, {
      body: (async function* () {
        yield random(100_000);
        await new Promise((resolve) => setTimeout(resolve, 50));
        throw new Error('the client went away');
      })(),
    });
    await expect(cut).rejects.toThrow();
    expect((await client.call('GET', `/uploads/${uid}`)).json.parts).toEqual([]);
    expect((await client.part(uid, 1, 'again')).status).toBe(200);
    expect((await client.complete(uid)).json.size).toBe(5);
  });

  test('have numbers from 1 to 10000', async () => {
    const uid = await client.open();
    expect((await client.part(uid, 10_000, 'last')).status).toBe(200);
    for (const number of ['0', '10001', '-1', '1.5', '1e1', '0x1', '01', '%201', '99999999999999999999']) {
      const refused = await client.part(uid, number, 'x');
      expect([number, refused.status, refused.json.details]).toEqual([number, 400, { field: 'number' }]);
      expect(refused.json.detail).toContain('from 1 to 10000');
    }
  });

  test('may be empty and of any content type', async () => {
    const uid = await client.open();
    await client.part(uid, 1, '', { 'content-type': 'application/json' });
    await client.part(uid, 2, '{', { 'content-type': 'application/json' });
    await client.part(uid, 3, '}', { 'content-type': 'application/x-www-form-urlencoded' });
    await client.part(uid, 4, '', { 'content-type': 'text/html; charset=utf-8' });
    expect((await client.complete(uid)).json.size).toBe(2);
    expect((await client.content(uid)).bytes.toString()).toBe('{}');
  });

  test.each([
    'foo',
    '',
    'a/b/c',
    '/',
    ';',
    'text',
    'undefined',
    'multipart/form-data',
    'text/plain; charset',
  ])('are taken whatever the Content-Type says: %j', async (type) => {
    const headers = { 'content-type': type };
    const uid = await client.open();
    expect((await client.part(uid, 1, 'x', headers)).status).toBe(200);
    expect((await client.call('PUT', `/uploads/${uid}/content`, { body: 'y', headers })).status).toBe(201);
    expect((await client.call('PUT', '/files/a', { body: 'z', headers })).status).toBe(201);
  });
});

describe('the whole content at once', () => {
  test('completes the upload; the same again answers 200, other bytes 409', async () => {
    const uid = await client.open({ name: 'note.txt' });
    await client.part(uid, 1, 'not needed');
    const whole = (body: string) => client.call('PUT', `/uploads/${uid}/content`, { body });
    const stored = await whole('hello');
    expect(stored.status).toBe(201);
    expect(stored.headers.location).toBe(`/api/v1/files/${uid}`);
    expect(stored.json).toMatchObject({ uid, name: 'note.txt', size: 5, verified: true });
    const again = await whole('hello');
    expect([again.status, again.json]).toEqual([200, stored.json]);
    expect((await whole('other')).status).toBe(409);
    expect((await client.content(uid)).bytes.toString()).toBe('hello');
  });

  test('is checked against what the upload declared', async () => {
    const uid = await client.open({ name: 'a', size: 3, sha256: hex('sha256', 'abc'), instant: false });
    const wrong = await client.call('PUT', `/uploads/${uid}/content`, { body: 'abd' });
    expect(wrong.json).toMatchObject({ status: 422, code: 'ChecksumMismatch' });
    expect(
      (await client.call('PUT', `/uploads/${uid}/content`, { body: 'abcd' })).status,
    ).toBeGreaterThanOrEqual(400);
    expect((await client.call('GET', `/uploads/${uid}`)).json.state).toBe('open');
    expect((await client.call('PUT', `/uploads/${uid}/content`, { body: 'abc' })).status).toBe(201);
  });

  test('sent 20 times at once becomes one file', async () => {
    const uid = await client.open();
    const body = random(70_000);
    const answers = await times(20, () => client.call('PUT', `/uploads/${uid}/content`, { body }));
    expect(answers.every((answer) => answer.status === 201 || answer.status === 200)).toBe(true);
    expect(new Set(answers.map((answer) => answer.json.uid))).toEqual(new Set([uid]));
    expect((await client.content(uid)).bytes.equals(body)).toBe(true);
  });
});

describe('giving up', () => {
  test('ends an open upload, again is fine, and nothing can be sent any more', async () => {
    const uid = await client.open();
    await client.part(uid, 1, 'abc');
    expect((await client.call('DELETE', `/uploads/${uid}`)).status).toBe(204);
    expect((await client.call('DELETE', `/uploads/${uid}`)).status).toBe(204);
    expect((await client.call('GET', `/uploads/${uid}`)).json.state).toBe('aborted');
    for (const answer of [
      await client.part(uid, 1, 'abc'),
      await client.complete(uid),
      await client.call('PUT', `/uploads/${uid}/content`, { body: 'abc' }),
    ]) {
      expect(answer.json).toMatchObject({ status: 410, code: 'Expired' });
    }
  });

  test('is not for a completed upload', async () => {
    const uid = await client.open();
    await client.part(uid, 1, 'abc');
    await client.complete(uid);
    expect((await client.call('DELETE', `/uploads/${uid}`)).status).toBe(409);
    expect((await client.content(uid)).bytes.toString()).toBe('abc');
  });

  test('by deleting the file leaves a completed upload without one', async () => {
    const file = await client.putParts([random(5)]);
    await client.call('DELETE', `/files/${file.uid}`);
    const status = await client.call('GET', `/uploads/${file.uid}`);
    expect(status.json.state).toBe('completed');
    expect(status.json).not.toHaveProperty('file');
    expect((await client.complete(file.uid)).status).toBe(404);
  });
});

test('an upload of another owner does not exist', async () => {
  const uid = await client.open();
  await client.part(uid, 1, 'mine');
  const answers = [
    await stranger.call('GET', `/uploads/${uid}`),
    await stranger.part(uid, 1, 'theirs'),
    await stranger.call('PUT', `/uploads/${uid}/content`, { body: 'theirs' }),
    await stranger.complete(uid),
    await stranger.call('DELETE', `/uploads/${uid}`),
    await stranger.call('POST', `/uploads/${uid}/links`, { json: {} }),
  ];
  const unknown = await stranger.call('GET', '/uploads/1');
  for (const answer of answers) {
    expect([answer.status, answer.json.code]).toEqual([404, 'NotFound']);
  }
  expect(unknown.status).toBe(404);
  await client.complete(uid);
  expect((await client.content(uid)).bytes.toString()).toBe('mine');
  expect((await stranger.call('GET', `/uploads/${uid}`)).status).toBe(404);
});

import { afterAll, beforeAll, expect, it } from 'vitest';
import { PASSWORD } from '../people.ts';
import { type RunningService, startService } from '../service.ts';
import { FilestoreClient, sha1 } from './client.ts';

interface SignedIn {
  readonly username: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

let service: RunningService;
beforeAll(async () => {
  service = await startService({ env: { OSPROXY_ACCOUNTS_SIGN_UP: 'open' } });
});
afterAll(async () => {
  await service?.close();
});

it('signs up where that is open, signs in, and stores files', async () => {
  const nobody = new FilestoreClient(service);
  const wanted = { username: 'carol', password: PASSWORD };
  const made = await nobody.post<SignedIn>('/user/signup', wanted);
  expect(made).toMatchObject({ status: 200, code: 0, msg: 'ok', data: { username: 'carol' } });
  expect(await nobody.postJson('/user/signup', wanted)).toMatchObject({
    status: 409,
    code: -409,
    data: null,
  });
  for (const wrong of [{ password: 'short' }, { username: '' }, { username: 'a/b' }, { password: '' }]) {
    expect(await nobody.post('/user/signup', { ...wanted, username: 'dora', ...wrong })).toMatchObject({
      ...{ status: 400, code: -400 },
    });
  }
  const { data } = await nobody.postJson<SignedIn>('/user/signin', wanted);
  const bytes = Buffer.from('content');
  for (const signedIn of [made.data, data]) {
    expect((await new FilestoreClient(service, signedIn).upload('a.txt', bytes)).code).toBe(0);
  }
  const ended = await fetch(`${service.url}/api/v1/auth/sign-out`, {
    method: 'POST',
    headers: { authorization: `Bearer ${data.accessToken}` },
  });
  expect(ended.status).toBeLessThan(300);
  const signedOut = new FilestoreClient(service, data);
  expect(await signedOut.get('/file/meta', { filehash: sha1(bytes) })).toMatchObject({
    status: 401,
    code: -401,
  });
  const still = new FilestoreClient(service, made.data);
  expect((await still.get('/file/meta', { filehash: sha1(bytes) })).code).toBe(0);
});

it('can be switched off', async () => {
  const off = await startService({ env: { OSPROXY_FILESTORE_ENABLED: 'false' } });
  try {
    for (const path of ['/file/query', '/user/info'])
      expect((await fetch(`${off.url}${path}`)).status).toBe(404);
  } finally {
    await off.close();
  }
}, 60_000);

it('hands out content by its hash where the operator trusts that', async () => {
  const trusting = await startService({
    env: { OSPROXY_ACCOUNTS_SIGN_UP: 'open', OSPROXY_INSTANT_UPLOAD_TRUST_HASH: 'true' },
  });
  try {
    const clients: FilestoreClient[] = [];
    for (const username of ['eva', 'finn']) {
      const made = await new FilestoreClient(trusting).post<SignedIn>('/user/signup', {
        username,
        password: PASSWORD,
      });
      clients.push(new FilestoreClient(trusting, made.data));
    }
    const bytes = Buffer.from('well known');
    await clients[0]?.upload('a.txt', bytes);
    const wanted = { filehash: sha1(bytes), filename: 'b.txt', filesize: bytes.length };
    expect(await clients[1]?.post('/file/fastupload', wanted)).toMatchObject({
      code: 0,
      data: { fileName: 'b.txt' },
    });
  } finally {
    await trusting.close();
  }
}, 60_000);

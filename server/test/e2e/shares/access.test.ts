import { beforeAll, describe, expect, test } from 'vitest';
import { image } from './pictures.ts';
import type { Made } from './share-stage.ts';
import { shareStage } from './share-stage.ts';

const stage = shareStage({ OSPROXY_HTTP_FAILED_AUTHENTICATIONS: '0' });

/** A share as a visitor comes with it. */
interface Visitor {
  readonly key: string;
  readonly token?: string;
}

const NAMES = [
  'open',
  'proven',
  'unproven',
  'proofOfOther',
  'formerProof',
  'viewOnly',
  'uploadOnly',
  'usedUp',
  'expired',
  'revoked',
  'trashed',
  'unknown',
] as const;
type Name = (typeof NAMES)[number];

const OVER = { expired: 410, revoked: 404, trashed: 404, unknown: 404 } as const;
const UNPROVEN = { unproven: 401, proofOfOther: 401, formerProof: 401 } as const;
const SEEN: Readonly<Record<Name, number>> = {
  ...{ open: 200, proven: 200, ...UNPROVEN, viewOnly: 200, uploadOnly: 403, usedUp: 200, ...OVER },
};

/** Who gets which status from every route of visitors, by docs/shares.md; `?` stands for the picture in the shared folder. */
const TABLE: Readonly<Record<string, Readonly<Record<Name, number>>>> = {
  '': { ...SEEN, unproven: 200, proofOfOther: 200, formerProof: 200, uploadOnly: 200 },
  '/entries': SEEN,
  '/entries/?': SEEN,
  '/preview?entry=?': SEEN,
  '/thumbnail?entry=?': { ...SEEN, usedUp: 410 },
  '/text?entry=!': SEEN,
  '/content?entry=?': { ...SEEN, usedUp: 410 },
  '/zip': { ...SEEN, viewOnly: 403, usedUp: 410 },
  '/zip?entries=?': { ...SEEN, viewOnly: 403, usedUp: 410 },
};

const visitors = new Map<Name, Visitor>();
let picture: string;
let text: string;
beforeAll(async () => {
  const { desk, owner, share, visit, unlock } = stage();
  const folder = await desk.folder(owner.userId, 'visited');
  picture = await desk.file(owner.userId, 'a.png', await image(32, 32), folder);
  text = await desk.file(owner.userId, 'a.txt', 'text', folder);
  const password = 'open sesame';
  const tokenOf = async ({ key }: Made, word = password) => (await unlock(key, word)).json.token;
  const [closed, other, renewed] = [
    await share(folder, { password }),
    await share(folder, { password }),
    await share(folder, { password }),
  ];
  const former = await tokenOf(renewed);
  await owner.client.call('PATCH', `/shares/${renewed.id}`, { json: { password: 'another one' } });
  const usedUp = await share(folder, { maxDownloads: 1 });
  await visit(usedUp.key, `/content?entry=${text}`);
  const revoked = await share(folder);
  await owner.client.call('DELETE', `/shares/${revoked.id}`);
  const trashed = await desk.folder(owner.userId, 'trashed');
  const gone = await share(trashed);
  await desk.trash(owner.userId, trashed);
  const expired = await share(folder, { expiresAt: new Date(Date.now() + 400).toISOString() });
  await new Promise((resolve) => setTimeout(resolve, 500));
  const all: Record<Name, Visitor> = {
    open: await share(folder),
    proven: { key: closed.key, token: await tokenOf(closed) },
    unproven: { key: closed.key },
    proofOfOther: { key: closed.key, token: await tokenOf(other) },
    formerProof: { key: renewed.key, token: former },
    viewOnly: await share(folder, { permission: 'view' }),
    uploadOnly: await share(folder, { permission: 'upload' }),
    usedUp,
    expired,
    revoked,
    trashed: gone,
    unknown: { key: 'A'.repeat(32) },
  };
  for (const name of NAMES) visitors.set(name, all[name]);
}, 60_000);

describe.each(Object.keys(TABLE))('GET /shared/{share}%s', (route) => {
  test.each(NAMES)('by %s', async (name) => {
    const { key, token } = visitors.get(name) ?? { key: '' };
    const path = route.replace(/\?$/, picture).replace(/!$/, text);
    for (const method of ['HEAD', 'GET']) {
      const ways =
        token === undefined ? [{}] : [{ 'x-share-token': token }, { cookie: `osproxy_share=${token}` }];
      for (const headers of ways as Record<string, string>[]) {
        const { status, bytes } = await stage().visit(key, path, { method, headers });
        // HEAD counts nothing, so the limit of downloads says nothing to it; pictures end with the limit whoever asks how.
        const countsNothing = method === 'HEAD' && !route.startsWith('/thumbnail');
        const wished = countsNothing && name === 'usedUp' ? 200 : TABLE[route]?.[name];
        expect([method, status]).toEqual([method, wished]);
        if (status >= 400) expect(bytes.includes('a.png') || bytes.includes('text/')).toBe(false);
      }
    }
  });
});

/** Only a share for uploads takes files; it takes them from whoever may come in. */
const TAKES: Readonly<Record<Name, number>> = {
  ...{ open: 403, proven: 403, ...UNPROVEN, viewOnly: 403, uploadOnly: 201, usedUp: 403, ...OVER },
};

describe('putting files in', () => {
  test.each(NAMES)('by %s', async (name) => {
    const { key, token } = visitors.get(name) ?? { key: '' };
    const headers: Record<string, string> = token === undefined ? {} : { 'x-share-token': token };
    const { visit } = stage();
    const put = await visit(key, `/files/${name}.txt`, { method: 'PUT', body: 'x', headers });
    expect(put.status).toBe(TAKES[name]);
    const json = { name: `${name}.txt`, size: 1 };
    const begun = await visit(key, '/uploads', { method: 'POST', json, headers });
    expect(begun.status).toBe(TAKES[name]);
    const status = TAKES[name] === 201 ? 404 : TAKES[name];
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/complete'],
      ['PUT', '/parts/1'],
    ] as const) {
      const body = method === 'PUT' ? { body: 'x' } : {};
      const answer = await visit(key, `/uploads/5.x${path}`, { method, headers, ...body });
      expect([method, answer.status]).toEqual([method, status]);
    }
  });
});

test('a proof in the query or as a key opens nothing', async () => {
  const { key, token = '' } = visitors.get('proven') ?? { key: '' };
  const query = `?token=${token}&x-share-token=${token}&link=${token}`;
  expect((await stage().visit(key, `/entries${query}`)).status).toBe(401);
  const headers = { authorization: `Bearer ${token}` };
  expect((await stage().visit(key, '/entries', { headers })).status).toBe(401);
});

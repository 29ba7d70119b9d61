import { describe, expect, test } from 'vitest';
import { image } from './pictures.ts';
import { bodyOf, from, type Made, shareStage } from './share-stage.ts';

const stage = shareStage();

describe('the owner of a share', () => {
  test('makes, lists, looks at, changes and revokes it, and all of that is written down', async () => {
    const { desk, owner, visit, look } = stage();
    const entry = await desk.file(owner.userId, 'owned.txt', 'owned');
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const wanted = {
      entry,
      permission: 'view',
      label: 'für 张',
      password: 'open sesame',
      expiresAt,
      maxDownloads: 5,
    };
    const made = await owner.client.call('POST', '/shares', { json: wanted });
    expect(made.status).toBe(201);
    const share = made.json as unknown as Made;
    expect(share).toMatchObject({
      ...{ entry, permission: 'view', label: 'für 张', hasPassword: true, expiresAt, maxDownloads: 5 },
      ...{ downloads: 0, uploads: 0, url: `/api/v1/shared/${share.key}` },
    });
    expect(share.key).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(made.headers.location).toBe(`/api/v1/shares/${share.id}`);
    expect(JSON.stringify(share)).not.toContain('sesame');
    const second = await owner.client.call('POST', '/shares', { json: { entry } });
    const listed = await owner.client.call('GET', `/shares?entry=${entry}&limit=1`);
    expect(bodyOf(listed).shares).toEqual([second.json]);
    const next = await owner.client.call('GET', `/shares?entry=${entry}&cursor=${bodyOf(listed).next}`);
    expect(bodyOf(next)).toEqual({ shares: [share], next: null });
    const change = { permission: 'download', label: null, password: null, maxDownloads: 7 };
    const changed = await owner.client.call('PATCH', `/shares/${share.id}`, { json: change });
    expect(changed.status).toBe(200);
    expect(bodyOf(changed)).toMatchObject({ hasPassword: false, maxDownloads: 7, expiresAt });
    expect(bodyOf(changed).label).toBeUndefined();
    expect(await look(share.id)).toEqual(changed.json);
    expect((await visit(share.key, '/content')).status).toBe(200);
    const flagOf = async () => bodyOf(await owner.client.call('GET', `/drive/entries/${entry}`)).shared;
    expect(await flagOf()).toBe(true);
    const inList = await owner.client.call('GET', '/drive/folders/root/entries');
    const flagged = (bodyOf(inList).entries as { id: string; shared?: true }[]).filter(
      ({ shared }) => shared,
    );
    expect(flagged.map(({ id }) => id)).toContain(entry);
    expect((await owner.client.call('DELETE', `/shares/${second.json.id}`)).status).toBe(204);
    expect((await owner.client.call('DELETE', `/shares/${share.id}`)).status).toBe(204);
    expect(await flagOf()).toBeUndefined();
    expect((await owner.client.call('GET', `/shares/${share.id}`)).status).toBe(404);
    expect((await visit(share.key, '/content')).status).toBe(404);
    const written = await desk.metadata.audit.list({}, undefined, 100);
    const actions = written.filter(({ subject }) => subject.id === share.id);
    expect(actions.map(({ action }) => action)).toEqual(['share.revoked', 'share.changed', 'share.created']);
    expect(actions[0]?.actor).toMatchObject({ kind: 'person', id: owner.userId });
    expect(JSON.stringify(written)).not.toContain(share.key);
  });

  test.each([
    ['an entry that is not there', { entry: '5' }, 404, 'id'],
    ['a root folder', { entry: 'root' }, 400, 'entry'],
    ['uploads into a file', { permission: 'upload' }, 400, 'permission'],
    ['an expiry in the past', { expiresAt: '2020-01-01T00:00:00Z' }, 400, 'expiresAt'],
    ['no downloads at all', { maxDownloads: 0 }, 400, undefined],
    ['a password of three characters', { password: 'abc' }, 400, undefined],
    ['limits of uploads for a download', { maxUploads: 3 }, 400, 'maxUploads'],
    ['an unknown word', { color: 'red' }, 400, undefined],
  ])('cannot make one with %s', async (_what, more, status, field) => {
    const { desk, owner } = stage();
    const entry = await desk.file(owner.userId, `${Math.random()}.txt`, 'x');
    const made = await owner.client.call('POST', '/shares', { json: { entry, ...more } });
    expect(made.status).toBe(status);
    if (field !== undefined && field !== 'id') expect(made.json.details.field).toBe(field);
  });

  test('sees nothing of shares and entries of somebody else', async () => {
    const { desk, owner, other, share } = stage();
    const entry = await desk.file(owner.userId, 'mine.txt', 'mine');
    const { id } = await share(entry);
    expect((await other.client.call('POST', '/shares', { json: { entry } })).status).toBe(404);
    expect((await other.client.call('GET', `/shares/${id}`)).status).toBe(404);
    expect((await other.client.call('PATCH', `/shares/${id}`, { json: { password: null } })).status).toBe(
      404,
    );
    expect((await other.client.call('DELETE', `/shares/${id}`)).status).toBe(404);
    expect(bodyOf(await other.client.call('GET', `/shares?entry=${entry}`)).shares).toEqual([]);
  });
});

describe('a visitor', () => {
  test('of a file sees what it is and gets it, in ranges too, and never its digest or uid', async () => {
    const { desk, owner, share, visit, look } = stage();
    const bytes = Buffer.from('0123456789'.repeat(100));
    const entry = await desk.file(owner.userId, 'daten 数据.bin', bytes);
    const { id, key } = await share(entry, { maxDownloads: 9 });
    const info = await visit(key);
    expect(bodyOf(info)).toMatchObject({
      ...{
        needsPassword: false,
        permission: 'download',
        kind: 'file',
        name: 'daten 数据.bin',
        downloadsLeft: 9,
      },
      entry: { id: entry, size: 1000, kind: 'file' },
    });
    const whole = await visit(key, '/content');
    expect(whole.bytes.equals(bytes)).toBe(true);
    expect(whole.headers['content-disposition']).toContain('attachment');
    expect(whole.headers['x-content-type-options']).toBe('nosniff');
    const part = await visit(key, `/content?entry=${entry}`, { headers: { range: 'bytes=10-19' } });
    expect([part.status, part.bytes.toString()]).toEqual([206, '0123456789']);
    const same = await visit(key, '/content', { headers: { 'if-none-match': whole.headers.etag ?? '' } });
    expect(same.status).toBe(304);
    const found = await desk.metadata.entries.find(entry);
    const uid = found?.fileUid ?? '?';
    const file = await desk.metadata.files.find(uid);
    const seen = [info, whole].map(({ headers, json }) => JSON.stringify([headers, json])).join('');
    expect(seen).not.toContain(uid);
    expect(seen).not.toContain(BigInt(uid).toString(36));
    expect(seen).not.toContain(file?.sha256 ?? '?');
    expect((await look(id)).downloads).toBe(1);
  });

  test('of a folder sees what is in it, page by page, and nothing above or beside', async () => {
    const { desk, owner, share, visit } = stage();
    const above = await desk.folder(owner.userId, 'above');
    const folder = await desk.folder(owner.userId, 'shared', above);
    const inner = await desk.folder(owner.userId, 'inner', folder);
    const deep = await desk.file(owner.userId, 'deep.txt', 'deep', inner);
    const files = [];
    for (const name of ['b.txt', 'a.txt', 'c.txt'])
      files.push(await desk.file(owner.userId, name, name, folder));
    const beside = await desk.file(owner.userId, 'beside.txt', 'beside', above);
    const { key } = await share(folder);
    const first = bodyOf(await visit(key, '/entries?limit=2'));
    const second = bodyOf(await visit(key, `/entries?limit=9&cursor=${first.next}`));
    const names = (page: Record<string, unknown>) =>
      (page.entries as { name: string }[]).map(({ name }) => name);
    expect([names(first), names(second), second.next]).toEqual([
      ['inner', 'a.txt'],
      ['b.txt', 'c.txt'],
      null,
    ]);
    expect(names(bodyOf(await visit(key, `/entries?folder=${inner}`)))).toEqual(['deep.txt']);
    const got = await visit(key, `/content?entry=${deep}`);
    expect(got.bytes.toString()).toBe('deep');
    for (const id of [above, beside, '5', 'root', 'x']) {
      expect((await visit(key, `/entries/${id}`)).status).toBe(404);
      expect((await visit(key, `/entries?folder=${id}`)).status).toBe(404);
      expect((await visit(key, `/content?entry=${id}`)).status).toBe(404);
    }
    expect((await visit(key, `/entries?folder=${files[0]}`)).status).toBe(409);
    expect((await visit(key, '/content')).status).toBe(409);
  });

  test('with the password gets in by a header, and by a cookie for reading only', async () => {
    const { desk, owner, share, visit, unlock } = stage();
    const entry = await desk.file(owner.userId, 'locked.txt', 'locked');
    const { key } = await share(entry, { password: 'open sesame' });
    expect(bodyOf(await visit(key))).toEqual({ needsPassword: true });
    expect((await visit(key, '/content')).status).toBe(401);
    const unlocked = await unlock(key, 'open sesame');
    expect(unlocked.status).toBe(200);
    const { token } = unlocked.json;
    const headers = { 'x-share-token': token };
    expect(bodyOf(await visit(key, '', { headers }))).toMatchObject({
      needsPassword: false,
      name: 'locked.txt',
    });
    expect((await visit(key, '/content', { headers })).bytes.toString()).toBe('locked');
    const [cookie = ''] = unlocked.headers['set-cookie'] ?? [];
    expect(cookie).toMatch(
      new RegExp(
        `^osproxy_share=[^;]+; Path=/api/v1/shared/${key}; Max-Age=\\d+; HttpOnly; SameSite=Strict$`,
      ),
    );
    const shown = { cookie: `other=1; ${cookie.split(';')[0]}` };
    expect((await visit(key, '/content', { headers: shown })).bytes.toString()).toBe('locked');
    expect((await visit(key, '/content', { headers: { cookie: 'osproxy_share=' } })).status).toBe(401);
  });

  test('who shows a wrong key or token of somebody else beside it is a visitor all the same', async () => {
    const { desk, owner, share, visit } = stage();
    const { key } = await share(await desk.file(owner.userId, 'plain.txt', 'plain'));
    const headers = { authorization: 'Bearer nonsense' };
    expect((await visit(key, '/content', { headers })).status).toBe(200);
  });
});

describe('what counts as a download', () => {
  test('each GET of the whole, one of many ranges by the same visitor, and nothing else', async () => {
    const { desk, owner, share, visit, look } = stage();
    const bytes = Buffer.alloc(1000, 'x');
    const { id, key } = await share(await desk.file(owner.userId, 'counted.bin', bytes));
    const count = async () => (await look(id)).downloads;
    const at = (address: string, agent: string, more = {}) => ({
      headers: from(address, { 'user-agent': agent, ...more }),
    });
    const ranged = (address: string, agent: string, range = 'bytes=5-9') =>
      visit(key, '/content', at(address, agent, { range }));
    await visit(key, '/content', { method: 'HEAD' });
    await visit(key);
    await visit(key, '/content', { headers: { range: 'bytes=5000-' } });
    expect(await count()).toBe(0);
    await Promise.all(Array.from({ length: 20 }, (_, index) => ranged('192.0.2.1', 'a', `bytes=${index}-`)));
    expect(await count()).toBe(1);
    await ranged('192.0.2.1', 'another program');
    await ranged('192.0.2.2', 'a');
    expect(await count()).toBe(3);
    await visit(key, '/content', at('192.0.2.9', 'a'));
    await visit(key, '/content', at('192.0.2.9', 'a'));
    expect(await count()).toBe(5);
    await ranged('192.0.2.9', 'a', 'bytes=500-');
    await visit(key, '/content', at('192.0.2.9', 'a', { range: 'bytes=0-1,5-6' }));
    expect(await count()).toBe(5);
    await ranged('2001:db8::1', 'a');
    await ranged('2001:db8::ffff', 'a');
    expect(await count()).toBe(6);
    expect((await look(id)).lastUsedAt).toBeDefined();
  });

  test('a hundred at once never get more than the limit', async () => {
    const { desk, owner, share, visit, look } = stage();
    const entry = await desk.file(owner.userId, 'raced.bin', Buffer.alloc(100));
    const { id, key } = await share(entry, { maxDownloads: 5 });
    const many = (headersOf: (index: number) => Record<string, string>) =>
      Promise.all(
        Array.from({ length: 100 }, async (_, index) => {
          const { status } = await visit(key, '/content', { headers: headersOf(index) });
          return status;
        }),
      );
    const whole = await many(() => ({}));
    expect(whole.filter((status) => status === 200)).toHaveLength(5);
    expect(whole.filter((status) => status === 410)).toHaveLength(95);
    const parts = await many((index) => from(`192.0.2.${index}`, { range: 'bytes=1-' }));
    expect(new Set(parts)).toEqual(new Set([410]));
    expect(await look(id)).toMatchObject({ downloads: 5 });
    expect(bodyOf(await visit(key))).toMatchObject({ downloadsLeft: 0 });
    expect((await visit(key, '/zip')).status).toBe(410);
  });

  test('a text that is the whole file, once in a while, and neither texts nor pictures come beyond the limit', async () => {
    const { desk, owner, share, visit, look } = stage();
    const folder = await desk.folder(owner.userId, 'counted texts');
    const short = await desk.file(owner.userId, 'short.txt', 'all of it', folder);
    const long = await desk.file(owner.userId, 'long.txt', 'x'.repeat(300 * 1024), folder);
    const picture = await desk.file(owner.userId, 'picture.png', await image(64, 64), folder);
    const { id, key } = await share(folder, { maxDownloads: 1 });
    const statusOf = async (path: string, address = '192.0.2.1', more = {}) =>
      (await visit(key, path, { headers: from(address), ...more })).status;
    expect(await statusOf(`/text?entry=${short}`, undefined, { method: 'HEAD' })).toBe(200);
    expect(await statusOf(`/text?entry=${long}`)).toBe(200);
    expect(await statusOf(`/thumbnail?entry=${picture}`)).toBe(200);
    expect((await look(id)).downloads).toBe(0);
    expect([await statusOf(`/text?entry=${short}`), await statusOf(`/text?entry=${short}`)]).toEqual([
      200, 200,
    ]);
    expect((await look(id)).downloads).toBe(1);
    for (const path of [`/text?entry=${long}`, `/thumbnail?entry=${picture}`, `/content?entry=${short}`]) {
      expect([path, await statusOf(path)]).toEqual([path, 410]);
    }
    expect(await statusOf(`/text?entry=${short}`, '192.0.2.2')).toBe(410);
    expect(await statusOf(`/preview?entry=${short}`)).toBe(200);
  });
});

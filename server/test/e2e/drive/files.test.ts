import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signUp } from '../people.ts';
import { hex, RestClient, random, times } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';
import { DriveClient } from './drive-client.ts';

let service: RunningService;
let ann: DriveClient;
let bob: DriveClient;

beforeAll(async () => {
  service = await startService();
  ann = new DriveClient(await signUp(service, 'ann'));
  bob = new DriveClient(await signUp(service, 'bob'));
}, 90_000);

afterAll(async () => {
  for (const { person } of [ann, bob]) person.client.close();
  await service.close();
});

describe('files of a drive', () => {
  it('are stored in one request, listed, read in ranges and as attachments, and counted', async () => {
    const before = await ann.drive();
    const bytes = random(100_000);
    const file = await ann.file('root', 'Ünïcode 文件.bin', bytes);
    expect(file).toMatchObject({ kind: 'file', name: 'Ünïcode 文件.bin', size: 100_000, state: 'ready' });
    expect(file).toMatchObject({ version: 1, sha256: hex('sha256', bytes), parentId: before.rootId });
    expect((await ann.content(file.id)).bytes.equals(bytes)).toBe(true);
    const part = await ann.content(file.id, { range: 'bytes=10-19' });
    expect([part.status, part.bytes.equals(bytes.subarray(10, 20))]).toEqual([206, true]);
    const { headers } = await ann.content(file.id, {}, '?disposition=attachment');
    expect(headers['content-disposition']).toMatch(/^attachment.*%E6%96%87/);
    const again = await ann.content(file.id, { 'if-none-match': headers.etag ?? '' });
    expect(again.status).toBe(304);
    const after = await ann.drive();
    expect(after.usedBytes - before.usedBytes).toBe(100_000);
    expect(after.files - before.files).toBe(1);
    const html = await ann.file('root', 'page.html', '<html><script>1</script></html>');
    const page = await ann.content(html.id, {}, '?disposition=inline');
    expect(page.headers['content-disposition']).toMatch(/^attachment/);
    expect(page.headers['content-security-policy']).toMatch(/sandbox/);
    const folder = await ann.folder('root', 'empty');
    expect((await ann.content(folder.id)).status).toBe(409);
  });

  it('need a length and a name that a folder can have', async () => {
    const body = (async function* () {
      yield Buffer.from('x');
    })();
    const chunked = await ann.person.client.call('PUT', '/drive/folders/root/files/chunked', { body });
    expect(chunked).toMatchObject({ status: 400, json: { details: { field: 'Content-Length' } } });
    for (const name of ['..', '.', 'a/b', '../x', 'a\u0001b', 'x'.repeat(256)]) {
      expect((await ann.put('root', name, 'x')).status).toBe(400);
    }
    expect((await ann.put('99', 'x', 'x')).status).toBe(404);
    expect((await ann.put('nonsense', 'x', 'x')).status).toBe(404);
  });

  it('belong to one person', async () => {
    const mine = await ann.file('root', 'mine.txt', 'mine');
    const folder = await ann.folder('root', 'my folder');
    const { id } = mine;
    const tries: readonly (readonly [string, string, object?])[] = [
      ['GET', `/entries/${id}`],
      ['GET', `/entries/${id}/content`],
      ['GET', `/entries/${id}/thumbnail`],
      ['GET', `/entries/${id}/versions`],
      ['GET', `/entries/${id}/versions/1/content`],
      ['POST', `/entries/${id}/versions/1/restore`],
      ['DELETE', `/entries/${id}/versions/1`],
      ['PATCH', `/entries/${id}`, { name: 'x' }],
      ['POST', `/entries/${id}/copy`, { parentId: 'root' }],
      ['DELETE', `/entries/${id}`],
      ['DELETE', `/trash/${id}`],
      ['POST', `/trash/${id}/restore`],
      ['GET', `/folders/${folder.id}/entries`],
      ['POST', '/folders', { parentId: folder.id, name: 'x' }],
      ['POST', '/uploads', { parentId: folder.id, name: 'x', size: 1 }],
    ];
    for (const [method, path, json] of tries) {
      const { status } = await bob.call(method, path, json);
      expect(`${method} ${path} ${status}`).toBe(`${method} ${path} 404`);
    }
    expect((await bob.put(folder.id, 'x', 'x')).status).toBe(404);
    const his = await bob.file('root', 'his.txt', 'his');
    expect((await bob.call('PATCH', `/entries/${his.id}`, { parentId: folder.id })).status).toBe(404);
    expect((await bob.call('POST', `/entries/${his.id}/copy`, { parentId: folder.id })).status).toBe(404);
    const uid = await ann.begin({ name: 'up', size: 1 });
    for (const path of [`/uploads/${uid}`, `/drive/uploads/${uid}`]) {
      expect((await bob.person.client.call('GET', path)).status).toBe(404);
    }
    expect((await bob.person.client.part(uid, 1, 'x')).status).toBe(404);
    expect((await bob.person.client.complete(uid)).status).toBe(404);
    expect((await bob.call('PATCH', `/uploads/${uid}`, { name: 'y' })).status).toBe(404);
    expect((await bob.person.client.call('DELETE', `/uploads/${uid}`)).status).toBe(404);
    expect((await ann.content(id)).bytes.toString()).toBe('mine');
  });

  it('conflicts end as asked for: nothing, both, or one more version', async () => {
    const folder = await ann.folder('root', 'conflicts');
    const first = await ann.file(folder.id, 'a.txt', 'one');
    expect(await ann.put(folder.id, 'A.TXT', 'two')).toMatchObject({
      status: 409,
      json: { code: 'AlreadyExists', details: { id: first.id } },
    });
    expect((await ann.file(folder.id, 'A.TXT', 'two', 'keepBoth')).name).toBe('A (1).TXT');
    expect((await ann.file(folder.id, 'a.txt', 'three', 'keepBoth')).name).toBe('a (2).txt');
    const replaced = await ann.file(folder.id, 'A.txt', 'four', 'replace');
    expect(replaced).toMatchObject({ id: first.id, name: 'a.txt', version: 2 });
    await ann.folder(folder.id, 'sub');
    expect((await ann.put(folder.id, 'sub', 'x', 'replace')).status).toBe(409);
    expect(
      (await ann.call('POST', '/folders', { parentId: folder.id, name: 'SUB', conflict: 'replace' })).status,
    ).toBe(409);
    const moving = await ann.file('root', 'a.txt', 'five');
    const before = await ann.drive();
    const moved = await ann.change(moving.id, { parentId: folder.id, conflict: 'replace' });
    expect(moved).toMatchObject({ id: first.id, version: 3, size: 4 });
    expect((await ann.content(first.id)).bytes.toString()).toBe('five');
    expect((await ann.call('GET', `/entries/${moving.id}`)).status).toBe(404);
    const after = await ann.drive();
    expect([after.usedBytes - before.usedBytes, after.files - before.files]).toEqual([0, -1]);
  });

  it('keep what they were before, up to a number of versions', async () => {
    const file = await ann.file('root', 'versioned.txt', 'v1');
    for (let n = 2; n <= 25; n += 1) await ann.file('root', 'versioned.txt', `version ${n}`, 'replace');
    type List = { versions: { version: number; size: number; state: string }[] };
    const listed = async () => (await ann.ok<List>('GET', `/entries/${file.id}/versions`)).versions;
    expect((await listed()).map(({ version }) => version)).toEqual(
      Array.from({ length: 21 }, (_, index) => 25 - index),
    );
    const old = await ann.call('GET', `/entries/${file.id}/versions/7/content`);
    expect(old.bytes.toString()).toBe('version 7');
    expect((await ann.call('GET', `/entries/${file.id}/versions/4/content`)).status).toBe(404);
    const restored = await ann.ok<{ version: number }>('POST', `/entries/${file.id}/versions/7/restore`);
    expect(restored.version).toBe(26);
    expect((await ann.content(file.id)).bytes.toString()).toBe('version 7');
    const before = await ann.drive();
    expect((await ann.call('DELETE', `/entries/${file.id}/versions/26`)).status).toBe(409);
    expect((await ann.call('DELETE', `/entries/${file.id}/versions/7`)).status).toBe(204);
    expect((await ann.call('DELETE', `/entries/${file.id}/versions/7`)).status).toBe(404);
    expect((await ann.drive()).usedBytes - before.usedBytes).toBe(-'version 7'.length);
    expect((await ann.content(file.id)).bytes.toString()).toBe('version 7');
    const sum = (await listed()).reduce((total, { size }) => total + size, 0);
    const used = (await ann.drive()).usedBytes;
    await ann.trash(file.id);
    expect((await ann.drive()).usedBytes).toBe(used);
    expect((await ann.call('DELETE', `/trash/${file.id}`)).status).toBe(204);
    expect((await ann.drive()).usedBytes).toBe(used - sum);
  });

  it('are copied without a byte moving, alone and in folders', async () => {
    const folder = await ann.folder('root', 'to copy');
    const inner = await ann.folder(folder.id, 'inner');
    const big = random(300_000);
    const file = await ann.file(inner.id, 'a.bin', big);
    await ann.file(folder.id, 'b.txt', 'b');
    const before = await ann.drive();
    const copy = await ann.ok<{ id: string; name: string }>('POST', `/entries/${file.id}/copy`, {
      parentId: inner.id,
      conflict: 'keepBoth',
    });
    expect(copy.name).toBe('a (1).bin');
    expect((await ann.content(copy.id)).bytes.equals(big)).toBe(true);
    const whole = await ann.ok<{ id: string }>('POST', `/entries/${folder.id}/copy`, {
      ...{ parentId: 'root', name: 'copied' },
    });
    expect(await ann.names(whole.id)).toEqual(['inner', 'b.txt']);
    const [innerCopy] = await ann.list(whole.id);
    expect(await ann.names(innerCopy?.id)).toEqual(['a (1).bin', 'a.bin']);
    const [first] = await ann.list(innerCopy?.id);
    expect((await ann.content(first?.id ?? '')).bytes.equals(big)).toBe(true);
    const after = await ann.drive();
    expect(after.usedBytes - before.usedBytes).toBe(900_001);
    expect(after.files - before.files).toBe(4);
    for (const parentId of [folder.id, inner.id]) {
      expect(
        (await ann.call('POST', `/entries/${folder.id}/copy`, { parentId, name: 'in itself' })).status,
      ).toBe(409);
    }
    await ann.trash(file.id);
    await ann.ok('DELETE', `/trash/${file.id}`);
    expect((await ann.content(copy.id)).bytes.equals(big)).toBe(true);
  });

  it('what was sent in parts is verified in its copies as well', async () => {
    const parts = [random(200_000), random(100_000)];
    const uid = await ann.begin({ name: 'parts.bin', size: 300_000 });
    await times(2, (index) => ann.person.client.part(uid, index + 1, parts[index] ?? ''));
    const file = await ann.ok<{ id: string; state: string }>('POST', `/uploads/${uid}/complete`);
    const copy = await ann.ok<{ id: string }>('POST', `/entries/${file.id}/copy`, {
      ...{ parentId: 'root', conflict: 'keepBoth' },
    });
    const digest = hex('sha256', Buffer.concat(parts));
    for (const { id } of [file, copy]) {
      for (let tries = 0; (await ann.get(id)).sha256 !== digest; tries += 1) {
        if (tries > 400) throw new Error('never verified');
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      expect((await ann.content(id)).bytes.equals(Buffer.concat(parts))).toBe(true);
    }
  });

  it('show what was declared wrongly as rejected', async () => {
    const uid = await ann.begin({ name: 'wrong.bin', size: 4, sha256: hex('sha256', 'else') });
    await ann.person.client.part(uid, 1, 'ab');
    await ann.person.client.part(uid, 2, 'cd');
    const { id } = await ann.ok<{ id: string }>('POST', `/uploads/${uid}/complete`);
    for (let tries = 0; (await ann.get(id)).state !== 'rejected'; tries += 1) {
      if (tries > 400) throw new Error('never rejected');
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    expect((await ann.content(id)).status).toBe(409);
    const copy = await ann.ok<{ state: string }>('POST', `/entries/${id}/copy`, {
      ...{ parentId: 'root', name: 'wrong too.bin' },
    });
    expect(copy.state).toBe('rejected');
  });

  it('are renamed, starred, found among the recent, put away and brought back', async () => {
    const cat = new DriveClient(await signUp(service, 'cat'));
    const folder = await cat.folder('root', 'f');
    const file = await cat.file(folder.id, 'notes', 'plain text here');
    const renamed = await cat.change(file.id, { name: 'notes.csv', starred: true });
    expect(renamed).toMatchObject({ name: 'notes.csv', contentType: 'text/csv' });
    expect((await cat.get(file.id)).path.map(({ name }) => name)).toEqual(['', 'f']);
    const inside = async (list: string) =>
      (await cat.ok<{ entries: { name: string }[] }>('GET', list)).entries.map(({ name }) => name);
    expect(await inside('/favourites')).toEqual(['notes.csv']);
    expect(await inside('/recent')).toEqual(['notes.csv']);
    await cat.trash(folder.id);
    expect(await inside('/favourites')).toEqual([]);
    expect(await inside('/recent')).toEqual([]);
    expect((await cat.trashed()).map(({ name, trashedFrom }) => [name, trashedFrom])).toEqual([['f', '/']]);
    expect((await cat.content(file.id)).status).toBe(404);
    await cat.ok('POST', `/trash/${folder.id}/restore`);
    expect(await inside('/recent')).toEqual(['notes.csv']);
    await cat.trash(file.id);
    await cat.trash(folder.id);
    expect((await cat.call('DELETE', '/trash')).status).toBe(204);
    expect((await cat.call('DELETE', '/trash')).status).toBe(204);
    expect(await cat.trashed()).toEqual([]);
    expect(await cat.drive()).toMatchObject({ usedBytes: 0, files: 0, reservedBytes: 0 });
    cat.person.client.close();
  });

  it('are listed page by page in every order, and cursors belong to their list', async () => {
    const folder = await ann.folder('root', 'paged');
    for (const name of ['b', 'a']) await ann.folder(folder.id, name);
    for (let i = 0; i < 7; i += 1) await ann.file(folder.id, `f${i}`, 'x'.repeat((i * 3) % 7));
    for (const order of ['sort=name', 'sort=size&order=desc', 'sort=time', 'sort=name&order=desc']) {
      const names: string[] = [];
      let cursor = '';
      for (;;) {
        const path = `/folders/${folder.id}/entries?limit=2&${order}${cursor}`;
        const page = await ann.ok<{ entries: { name: string }[]; next: string | null }>('GET', path);
        names.push(...page.entries.map(({ name }) => name));
        if (page.next === null) break;
        cursor = `&cursor=${page.next}`;
      }
      expect(new Set(names).size).toBe(9);
      expect(new Set(names.slice(0, 2))).toEqual(new Set(['a', 'b']));
    }
    const path = `/folders/${folder.id}/entries?limit=3`;
    const { next } = await ann.ok<{ next: string }>('GET', path);
    expect((await ann.call('GET', `${path}&sort=size&cursor=${next}`)).status).toBe(400);
    expect((await ann.call('GET', `${path}&cursor=nonsense`)).status).toBe(400);
    expect((await ann.call('GET', `/trash?cursor=${next}`)).status).toBe(400);
  });

  it('are for people, not for services', async () => {
    const key = new RestClient(service.url, service.apiKey);
    expect((await key.call('GET', '/drive')).status).toBe(403);
    const nobody = new RestClient(service.url);
    expect((await nobody.call('GET', '/drive')).status).toBe(401);
    expect((await ann.person.client.call('POST', '/uploads', { json: { name: 'x' } })).status).toBe(403);
    key.close();
    nobody.close();
  });
});

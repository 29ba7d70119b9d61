import { describe, expect, test } from 'vitest';
import { RawClient, until } from '#frontends/http/test-server.ts';
import { image } from './pictures.ts';
import { bodyOf, from, shareStage } from './share-stage.ts';

const stage = shareStage({
  OSPROXY_HTTP_FAILED_AUTHENTICATIONS: '20',
  OSPROXY_SHARES_PASSWORD_TRIES: '5',
});
const PASSWORD = 'open sesame';
/** Every route by which a visitor could come to bytes, or to learn what is there. */
const WAYS = ['/content', '/zip', '/thumbnail', '/text', '/preview', '/entries'] as const;

function key(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString('base64url');
}

describe('guessing keys', () => {
  test('finds the same answer for everything that opens nothing', async () => {
    const { desk, owner, share, visit } = stage();
    const folder = await desk.folder(owner.userId, 'guess');
    const trashed = await share(await desk.file(owner.userId, 'trashed.txt', 'x', folder), {
      password: PASSWORD,
    });
    const revoked = await share(folder);
    await owner.client.call('DELETE', `/shares/${revoked.id}`);
    await desk.trash(owner.userId, folder);
    const answers = new Set<string>();
    const tried = [trashed.key, revoked.key, key(), 'x', '%00', '..', `${key()}x`, key().slice(1)];
    for (const [index, one] of tried.entries()) {
      for (const path of ['', ...WAYS]) {
        const { status, json } = await visit(one, path, { headers: from(`198.51.100.${index}`) });
        const { requestId: _id, ...told } = bodyOf({ json } as never);
        answers.add(JSON.stringify([status, told]));
      }
    }
    expect([...answers].filter((answer) => !answer.includes('There is nothing at'))).toEqual([
      JSON.stringify([
        404,
        {
          ...{ type: 'about:blank', title: 'Not Found', status: 404, detail: 'There is no such share.' },
          ...{ code: 'NotFound', retryable: false },
        },
      ]),
    ]);
  });

  test('is slowed down by address, and others are not', async () => {
    const { desk, owner, share, visit } = stage();
    const entry = await desk.file(owner.userId, 'guessed.txt', 'x');
    const [known, found] = [await share(entry), await share(entry)];
    const headers = from('198.51.100.77');
    expect((await visit(known.key, '', { headers })).status).toBe(200);
    const statuses: number[] = [];
    for (let index = 0; index < 40; index += 1) statuses.push((await visit(key(), '', { headers })).status);
    expect(statuses.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 404));
    expect(new Set(statuses.slice(25))).toEqual(new Set([429]));
    const refused = await visit(found.key, '', { headers });
    expect([refused.status, Number(refused.headers['retry-after']) > 0]).toEqual([429, true]);
    expect((await visit(known.key, '', { headers })).status).toBe(200);
    expect((await visit(found.key, '', { headers: from('198.51.100.78') })).status).toBe(200);
  });
});

describe('a share with a password', () => {
  test('is bypassed by no route, range, child, preview or archive', async () => {
    const { desk, owner, share, visit } = stage();
    const folder = await desk.folder(owner.userId, 'closed');
    const child = await desk.file(owner.userId, 'secret name.txt', 'secret content', folder);
    const picture = await desk.file(owner.userId, 'secret name.png', await image(64, 64), folder);
    const { key: one } = await share(folder, { password: PASSWORD });
    const paths = WAYS.flatMap((way) => [
      ...[way, `${way}?entry=${child}`, `${way}?entry=${picture}`, `${way}?entries=${child}`],
      `${way}?token=open%20sesame&password=open%20sesame`,
    ]);
    for (const path of [...paths, `/entries/${child}`, `/entries?folder=${folder}`]) {
      for (const more of [
        {},
        { range: 'bytes=0-3' },
        { 'if-none-match': '*' },
        { 'x-share-token': PASSWORD },
      ]) {
        for (const method of ['GET', 'HEAD']) {
          const answer = await visit(one, path, { method, headers: more as Record<string, string> });
          expect([path, answer.status]).toEqual([path, 401]);
          expect(answer.bytes.toString()).not.toContain('secret');
        }
      }
    }
    expect(bodyOf(await visit(one))).toEqual({ needsPassword: true });
  });

  test('takes the proof of no other share, none of an earlier password, and none that was tampered with', async () => {
    const { desk, owner, share, visit, unlock } = stage();
    const entry = await desk.file(owner.userId, 'proven.txt', 'proven');
    const [one, other] = [
      await share(entry, { password: PASSWORD }),
      await share(entry, { password: PASSWORD }),
    ];
    const { token } = (await unlock(one.key, PASSWORD)).json;
    const of = async (share_: { key: string }, proof: string) => {
      const headers = { 'x-share-token': proof };
      const shown = { cookie: `osproxy_share=${proof}` };
      const [byHeader, byCookie] = [
        await visit(share_.key, '/content', { headers }),
        await visit(share_.key, '/content', { headers: shown }),
      ];
      return [byHeader.status, byCookie.status];
    };
    expect(await of(one, token)).toEqual([200, 200]);
    expect(await of(other, token)).toEqual([401, 401]);
    const [expiry = '', ...rest] = token.split('.');
    const later = String(Number(expiry) + 3_600_000);
    const last = rest.at(-1) ?? '';
    const forged = `${last.startsWith('A') ? 'B' : 'A'}${last.slice(1)}`;
    for (const bad of [
      [later, ...rest],
      [expiry, ...rest.slice(0, -1), forged],
      ['', ...rest],
      [`0${expiry}`, ...rest],
    ]) {
      expect(await of(one, bad.join('.'))).toEqual([401, 401]);
    }
    const link = {
      ...(await owner.client.call('PATCH', `/shares/${one.id}`, { json: { password: 'another one' } })),
    };
    expect(link.status).toBe(200);
    expect(await of(one, token)).toEqual([401, 401]);
    const again = (await unlock(one.key, 'another one')).json.token;
    expect(await of(one, again)).toEqual([200, 200]);
    await owner.client.call('PATCH', `/shares/${one.id}`, { json: { password: null } });
    await owner.client.call('PATCH', `/shares/${one.id}`, { json: { password: 'another one' } });
    expect(await of(one, again)).toEqual([401, 401]);
  });

  test('locks out who tries many, also many at once, and lets in others', async () => {
    const { desk, owner, share, unlock } = stage();
    const { key: one } = await share(await desk.file(owner.userId, 'tried.txt', 'x'), { password: PASSWORD });
    const tries = await Promise.all(
      Array.from({ length: 30 }, (_, index) => unlock(one, `wrong ${index}`, from('203.0.113.5'))),
    );
    expect(tries.filter(({ status }) => status === 401)).toHaveLength(5);
    const locked = tries.filter(({ status }) => status === 429);
    expect(locked).toHaveLength(25);
    const seconds = Number(locked[0]?.headers['retry-after']);
    expect(seconds > 800 && seconds <= 900).toBe(true);
    expect((await unlock(one, PASSWORD, from('203.0.113.5'))).status).toBe(429);
    expect((await unlock(one, PASSWORD, from('203.0.113.6'))).status).toBe(200);
  });

  test('addresses that guess and are locked do not keep out visitors from others, nor who has a proof', async () => {
    const { desk, owner, share, unlock, visit } = stage();
    const { key: one } = await share(await desk.file(owner.userId, 'many.txt', 'x'), { password: PASSWORD });
    const { token } = (await unlock(one, PASSWORD, from('203.0.113.1'))).json;
    const statuses: number[] = [];
    for (let index = 0; index < 24; index += 4) {
      const some = Array.from({ length: 24 }, (_, more) =>
        unlock(one, 'wrong', from(`10.0.0.${index + (more % 4)}`)),
      );
      statuses.push(...(await Promise.all(some)).map(({ status }) => status));
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(120);
    expect(statuses.filter((status) => status === 429)).toHaveLength(24);
    expect((await unlock(one, PASSWORD, from('10.0.0.1'))).status).toBe(429);
    expect((await unlock(one, PASSWORD, from('10.1.1.1'))).status).toBe(200);
    const headers = from('203.0.113.1', { 'x-share-token': token });
    expect((await visit(one, '/content', { headers })).status).toBe(200);
  }, 60_000);

  test('guesses from many addresses are so many and no more, and the next try is some seconds away', async () => {
    const { desk, owner, share, unlock, visit } = stage();
    const { key: one } = await share(await desk.file(owner.userId, 'crowd.txt', 'x'), { password: PASSWORD });
    const { token } = (await unlock(one, PASSWORD, from('203.0.113.1'))).json;
    const began = performance.now();
    const statuses: number[] = [];
    for (let index = 0; index < 320; index += 16) {
      const some = Array.from({ length: 16 }, (_, more) =>
        unlock(one, 'wrong', from(`10.2.${(index + more) >> 8}.${(index + more) & 255}`)),
      );
      statuses.push(...(await Promise.all(some)).map(({ status }) => status));
    }
    const more = Math.ceil((performance.now() - began) / 10_000);
    const looked = statuses.filter((status) => status === 401).length;
    expect(looked).toBeGreaterThanOrEqual(250);
    expect(looked).toBeLessThanOrEqual(250 + more);
    const late = await unlock(one, 'wrong', from('10.3.1.1'));
    if (late.status === 429) expect(Number(late.headers['retry-after'])).toBeLessThanOrEqual(10);
    const headers = from('203.0.113.1', { 'x-share-token': token });
    expect((await visit(one, '/content', { headers })).status).toBe(200);
    // Who comes again after the time that was told gets in.
    const deadline = performance.now() + 40_000;
    let answer = await unlock(one, PASSWORD, from('10.4.1.1'));
    while (answer.status === 429 && performance.now() < deadline) {
      const waitMs = Number(answer.headers['retry-after']) * 1000;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      answer = await unlock(one, PASSWORD, from('10.4.1.1'));
    }
    expect(answer.status).toBe(200);
  }, 120_000);
});

describe('what is not in the share any more', () => {
  test('is gone for visitors when it is moved out, trashed, or above it', async () => {
    const { desk, owner, share, visit } = stage();
    const folder = await desk.folder(owner.userId, 'leaving');
    const outside = await desk.folder(owner.userId, 'outside');
    const inner = await desk.folder(owner.userId, 'inner', folder);
    const moved = await desk.file(owner.userId, 'moved.txt', 'moved', inner);
    const trashed = await desk.file(owner.userId, 'trashed.txt', 'trashed', inner);
    const { key: one } = await share(folder);
    const statusOf = async (id: string) => {
      const all = WAYS.filter((way) => way !== '/zip' && way !== '/entries').map(
        (way) => `${way}?entry=${id}`,
      );
      const paths = [...all, `/zip?entries=${id}`, `/entries/${id}`];
      const statuses = await Promise.all(paths.map(async (path) => (await visit(one, path)).status));
      return [...new Set(statuses)].filter((status) => status !== 415);
    };
    expect(await statusOf(moved)).toEqual([200]);
    await desk.move(owner.userId, moved, outside);
    expect(await statusOf(moved)).toEqual([404]);
    await desk.trash(owner.userId, trashed);
    expect(await statusOf(trashed)).toEqual([404]);
    await desk.move(owner.userId, inner, outside);
    expect(await statusOf(inner)).toEqual([404]);
    expect((await visit(one, '/entries')).status).toBe(200);
    await desk.trash(owner.userId, folder);
    expect((await visit(one, '/entries')).status).toBe(404);
  });

  test('is what is in the trash with its folder', async () => {
    const { desk, owner, share, visit } = stage();
    const above = await desk.folder(owner.userId, 'above it');
    const file = await desk.file(owner.userId, 'below.txt', 'below', above);
    const { key: one } = await share(file);
    expect((await visit(one, '/content')).status).toBe(200);
    await desk.trash(owner.userId, above);
    for (const path of ['', ...WAYS]) expect((await visit(one, path)).status).toBe(404);
  });
});

describe('what a share does not allow', () => {
  test('of one that shows previews only: no attachment, no archive, no file that cannot be shown', async () => {
    const { desk, owner, share, visit } = stage();
    const folder = await desk.folder(owner.userId, 'viewed');
    const text = await desk.file(owner.userId, 'a.txt', 'plain text', folder);
    const picture = await desk.file(owner.userId, 'a.png', await image(64, 64), folder);
    const zip = await desk.file(owner.userId, 'a.docx', Buffer.from('504b0304', 'hex'), folder);
    const page = await desk.file(owner.userId, 'a.html', '<script>alert(1)</script>', folder);
    const { key: one } = await share(folder, { permission: 'view' });
    for (const id of [text, picture]) {
      for (const query of ['', '&disposition=attachment', '&disposition=inline']) {
        const { status, headers } = await visit(one, `/content?entry=${id}${query}`);
        expect([status, headers['content-disposition']?.split(';')[0]]).toEqual([200, 'inline']);
      }
    }
    for (const id of [zip, page]) {
      for (const query of ['', '&disposition=inline']) {
        for (const headers of [{}, { range: 'bytes=0-1' }] as Record<string, string>[]) {
          const answer = await visit(one, `/content?entry=${id}${query}`, { headers });
          expect([answer.status, answer.bytes.includes('alert')]).toEqual([403, false]);
        }
      }
    }
    for (const path of ['/zip', `/zip?entries=${text}`]) expect((await visit(one, path)).status).toBe(403);
    expect((await visit(one, `/text?entry=${page}`)).bytes.toString()).toBe('<script>alert(1)</script>');
    expect((await visit(one, `/thumbnail?entry=${picture}`)).status).toBe(200);
  });

  test('of one for uploads: nothing that is there can be seen', async () => {
    const { desk, owner, share, visit } = stage();
    const folder = await desk.folder(owner.userId, 'post box');
    const file = await desk.file(owner.userId, 'private.txt', 'private', folder);
    const { key: one } = await share(folder, { permission: 'upload' });
    expect(bodyOf(await visit(one))).toEqual({
      ...{ needsPassword: false, permission: 'upload', kind: 'folder', name: 'post box' },
    });
    const paths = WAYS.flatMap((way) => [way, `${way}?entry=${file}`, `${way}?entries=${file}`]);
    for (const path of [...paths, `/entries/${file}`, `/entries?folder=${folder}`]) {
      const answer = await visit(one, path);
      expect([path, answer.status, answer.bytes.includes('private')]).toEqual([path, 403, false]);
    }
  });
});

describe('active content', () => {
  test.each([
    ['a.html', '<html><script>alert(1)</script></html>'],
    ['a.svg', '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'],
    ['a.xml', '<?xml version="1.0"?><x xmlns="http://www.w3.org/1999/xhtml"><script/></x>'],
    ['a.pdf.html', '%PDF-1.4 <script>alert(1)</script>'],
  ])('%s is inert', async (name, content) => {
    const { desk, owner, share, visit } = stage();
    const { key: one } = await share(await desk.file(owner.userId, name, content));
    const { headers } = await visit(one, '/content?disposition=inline');
    const inert = headers['content-disposition']?.startsWith('attachment') === true;
    expect(inert || headers['content-type'] === 'application/pdf').toBe(true);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).toContain('sandbox');
    const text = await visit(one, '/text');
    if (text.status === 200) {
      expect(text.headers).toMatchObject({
        'content-type': 'text/plain; charset=utf-8',
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; sandbox",
      });
    }
  });
});

describe('the end of a share', () => {
  test('by its time lets a download that has begun go on, and no other begin', async () => {
    const { desk, owner, service, share, visit } = stage();
    const entry = await desk.file(owner.userId, 'long.bin', Buffer.alloc(16_000_000, 'x'));
    const expiresAt = new Date(Date.now() + 1500).toISOString();
    const { key: one } = await share(entry, { expiresAt });
    const client = new RawClient(Number(new URL(service.url).port));
    client.send(`GET /api/v1/shared/${one}/content HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    await client.hears('\r\n\r\n');
    client.socket.pause();
    await until(() => Date.now() > Date.parse(expiresAt) + 50, 'the end of the share', 5000);
    for (const path of ['', '/content', '/preview']) expect((await visit(one, path)).status).toBe(410);
    client.socket.resume();
    await client.closed;
    expect(client.received.length).toBeGreaterThan(16_000_000);
  }, 30_000);

  test('breaks off an archive that is being sent, and never silently', async () => {
    const { desk, owner, service, share } = stage();
    const folder = await desk.folder(owner.userId, 'archived');
    for (const name of ['a', 'b', 'c', 'd']) {
      await desk.file(owner.userId, `${name}.bin`, Buffer.alloc(8_000_000, name), folder);
    }
    const { id, key: one } = await share(folder);
    const client = new RawClient(Number(new URL(service.url).port));
    client.send(`GET /api/v1/shared/${one}/zip HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    const head = await client.hears('\r\n\r\n');
    client.socket.pause();
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
    expect(length).toBeGreaterThan(32_000_000);
    await owner.client.call('DELETE', `/shares/${id}`);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    client.socket.resume();
    await client.closed;
    expect(client.received.length).toBeLessThan(length);
  }, 30_000);

  test('by disabling or deleting its owner holds at once', async () => {
    const { desk, service, nobody, visit } = stage();
    const { signUp } = await import('../people.ts');
    const { RestClient } = await import('../rest/client.ts');
    const admin = new RestClient(service.url, service.apiKey);
    const gone = await signUp(service, 'leaving-soon');
    desk.know(gone);
    const entry = await desk.file(gone.userId, 'left.txt', 'left');
    const { json } = await gone.client.call('POST', '/shares', { json: { entry } });
    const { key: one } = json as unknown as { key: string };
    expect((await visit(one, '/content')).status).toBe(200);
    const change = (state: string) =>
      admin.call('PATCH', `/users/${gone.userId}`, { json: { state } }).then(({ status }) => status);
    expect(await change('disabled')).toBe(200);
    expect((await visit(one, '/content')).status).toBe(404);
    expect(await change('active')).toBe(200);
    expect((await visit(one, '/content')).status).toBe(200);
    expect((await admin.call('DELETE', `/users/${gone.userId}`)).status).toBe(204);
    expect((await nobody.call('GET', `/shared/${one}/content`)).status).toBe(404);
    gone.client.close();
    admin.close();
  });

  test('leaves no key in the log', async () => {
    const { desk, owner, service, share, visit } = stage();
    const { key: one } = await share(await desk.file(owner.userId, 'logged.txt', 'x'));
    await visit(one, '/content?entry=5');
    await visit(one, '');
    await until(
      () => service.lines.some((line) => line.includes('/shared/[redacted]/content?entry=5')),
      'the log',
    );
    expect(service.lines.some((line) => line.includes(one))).toBe(false);
  });
});

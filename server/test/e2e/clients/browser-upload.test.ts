import { writeFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hex, random } from '../rest/client.ts';
import { CHROMIUM, launch, type Site, startSite, watched } from './browser.ts';
import { stage } from './stage.ts';

const NAME = 'Grüße, "世界".bin';
const bytes = random(300_001);

describe('a page of another origin in Chromium', () => {
  let site: Site;
  let stranger: Site;
  let browser: Browser;
  beforeAll(async () => {
    [site, stranger] = await Promise.all([startSite(), startSite()]);
    env.OSPROXY_HTTP_CORS_ORIGINS = site.origin;
  });
  const env: Record<string, string> = {};
  const at = stage({
    needs: [CHROMIUM],
    env,
    prepare: async ({ folder }) => {
      browser = await launch();
      await writeFile(folder.in('form.bin'), bytes);
    },
  });
  afterAll(async () => {
    await browser?.close();
    await Promise.all([site.close(), stranger.close()]);
  });

  const on = async <T>(origin: Site, work: (page: Page) => Promise<T>): Promise<T> => {
    const { page, context } = await watched(browser);
    try {
      await page.goto(origin.page('/', '<input type=file id=file>'));
      return await work(page);
    } finally {
      await context.close();
    }
  };
  const choose = (page: Page) =>
    page.setInputFiles('#file', { name: NAME, mimeType: 'application/octet-stream', buffer: bytes });
  const stored = async (uid: string) => (await at().client.content(uid)).bytes;

  test('sends a form with fetch() and a key, and reads the answer and its headers', async () => {
    const answer = await on(site, async (page) => {
      await choose(page);
      return inPage(page, SEND_FORM, { url: `${at().api}/files`, method: 'POST', key: at().service.apiKey });
    });
    expect(answer).toMatchObject({ status: 201, body: { sha256: hex('sha256', bytes) } });
    expect(answer.headers.location).toBe(`/api/v1/files/${answer.body.uid}`);
    expect(answer.headers['x-request-id']).toBeTruthy();
    // Browsers write a quote in a file name as %22, and nobody can tell it from a name that has that in it.
    expect(answer.body.name).toBe(NAME.replaceAll('"', '%22'));
    expect((await stored(answer.body.uid)).equals(bytes)).toBe(true);
  });

  test('sends a form to a signed v0 link without a key', async () => {
    const json = { filePath: ['from/browser.bin'] };
    const made = await at().client.call('POST', '/api/storage/v0/link/upload', { json });
    const [link] = JSON.parse(made.bytes.toString()).data;
    const url = `${at().service.url}${link.url.single}&md5=${hex('md5', bytes)}`;
    const answer = await on(site, async (page) => {
      await choose(page);
      return inPage(page, SEND_FORM, { url, method: 'PUT' });
    });
    expect(answer).toMatchObject({ status: 200, body: { code: 0 } });
    expect((await stored(link.uid)).equals(bytes)).toBe(true);
  });

  test('sends parts with a write link and completes', async () => {
    const uid = await at().client.open({ name: 'parts.bin' });
    const { json } = await at().client.call('POST', `/uploads/${uid}/links`, { json: {} });
    const answer = await on(site, async (page) => {
      await choose(page);
      return inPage(page, SEND_PARTS, { url: `${at().api}/uploads/${uid}`, token: json.token });
    });
    expect(answer).toEqual([200, 200, 200, 200]);
    expect((await stored(uid)).equals(bytes)).toBe(true);
  });

  test('reads ranges, tags and failures with fetch()', async () => {
    const { uid } = await at().client.put('read.bin', bytes);
    const made = await at().client.call('POST', `/files/${uid}/links`, { json: {} });
    const url = `${at().service.url}${made.json.url}`;
    const ranged = await on(site, (page) => inPage(page, READ, { url, range: 'bytes=10-19' }));
    expect(ranged).toMatchObject({ status: 206, size: 10 });
    expect(ranged.headers['content-range']).toBe(`bytes 10-19/${bytes.length}`);
    expect(ranged.headers.etag).toMatch(/^".+"$/);
    expect(ranged.headers['content-disposition']).toContain('read.bin');
    const missing = await on(site, (page) =>
      inPage(page, READ, { url: `${at().api}/files/1/content?link=nonsense` }),
    );
    expect(missing).toMatchObject({ status: 401, text: expect.stringContaining('"Unauthenticated"') });
  });

  test('of an origin that is not allowed can neither read nor send', async () => {
    const { uid } = await at().client.put('secret.txt', 'a secret');
    const made = await at().client.call('POST', `/files/${uid}/links`, { json: {} });
    const url = `${at().service.url}${made.json.url}`;
    const count = async () => (await at().client.call('GET', '/files?limit=1000')).json.files.length;
    const before = await count();
    const refused = await on(stranger, async (page) => {
      await choose(page);
      const reading = await inPage(page, READ, { url }).catch(String);
      const form = { url: `${at().api}/files`, method: 'POST', key: at().service.apiKey };
      return [reading, await inPage(page, SEND_FORM, form).catch(String)];
    });
    expect(refused).toEqual([
      expect.stringContaining('Failed to fetch'),
      expect.stringContaining('Failed to fetch'),
    ]);
    expect(await count()).toBe(before);
  });

  test('with a plain form and no script is told that a key is needed, and nothing is stored', async () => {
    const { page, context } = await watched(browser);
    try {
      const action = `${at().api}/files`;
      const form = `<form method=post enctype=multipart/form-data action="${action}"><input type=file name=file id=file><button>send</button></form>`;
      await page.goto(site.page('/form', form));
      await page.setInputFiles('#file', at().folder.in('form.bin'));
      const [answer] = await Promise.all([page.waitForResponse(action), page.click('button')]);
      expect(answer.status()).toBe(401);
      await page.waitForLoadState();
      expect(await page.textContent('body')).toContain('This call needs a service key');
    } finally {
      await context.close();
    }
  });
});

/** What the functions below give back. */
interface Fetched {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly uid: string; readonly name: string };
}

/** Runs one of the functions below in the page. */
function inPage<T = Fetched>(page: Page, work: string, wish: Readonly<Record<string, string>>): Promise<T> {
  return page.evaluate<T>(`(${work})(${JSON.stringify(wish)})`);
}

const SEND_FORM = `async ({ url, method, key }) => {
  const body = new FormData();
  body.append('file', document.querySelector('#file').files[0]);
  const headers = key === undefined ? {} : { authorization: 'Bearer ' + key };
  const response = await fetch(url, { method, body, headers });
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.json() };
}`;

const SEND_PARTS = `async ({ url, token }) => {
  const file = document.querySelector('#file').files[0];
  const headers = { authorization: 'Link ' + token };
  const send = async (number) => {
    const body = file.slice((number - 1) * 150_000, number * 150_000);
    return (await fetch(url + '/parts/' + number, { method: 'PUT', body, headers })).status;
  };
  const statuses = await Promise.all([1, 2, 3].map(send));
  return [...statuses, (await fetch(url + '/complete', { method: 'POST', headers })).status];
}`;

const READ = `async ({ url, range }) => {
  const response = await fetch(url, range === undefined ? {} : { headers: { range } });
  const body = await response.arrayBuffer();
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    size: body.byteLength,
    text: new TextDecoder().decode(body.slice(0, 1000)),
  };
}`;

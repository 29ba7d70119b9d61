import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bomb, film, jpegOf, jpegPage, liar, svg, telling, truncated } from '#test/core/hostile-images.ts';
import { osproxy } from '#test/faults/store-folder.ts';
import { API_KEY, type RunningService, startService } from '../service.ts';
import { createKey, RestClient } from './client.ts';

const MEBIBYTE = 1024 * 1024;

let service: RunningService;
let client: RestClient;
let image: Buffer;

beforeAll(async () => {
  image = await jpegOf();
  service = await startService({ env: { OSPROXY_WORKERS: '2', OSPROXY_MEDIA_MAX_MEGAPIXELS: '50' } });
  client = new RestClient(service.url, service.apiKey);
}, 60_000);
afterAll(async () => {
  client?.close();
  await service?.close();
});

const mediaOf = async (uid: string) => {
  const look = async () =>
    ((await client.call('GET', `/files/${uid}`)).json as { media?: Record<string, unknown> }).media;
  await expect.poll(look, { timeout: 20_000 }).toBeDefined();
  return look();
};
const thumbnail = (uid: string, query = '', headers: Record<string, string> = {}, by = client) =>
  by.call('GET', `/files/${uid}/thumbnail${query}`, { headers });

describe('what is known about a file', () => {
  test('of an image, a film, and what was refused; the v0 wire tells the size as well', async () => {
    const photo = await client.put('photo.jpg', image);
    const movie = await client.put('film.mp4', film({ seconds: 9, width: 640, height: 480, bytes: 50_000 }));
    const broken = await client.put('half.png', await truncated('png'));
    const text = await client.put('a.txt', 'nothing to see');
    expect(await mediaOf(photo.uid)).toEqual({ state: 'probed', format: 'jpeg', width: 400, height: 300 });
    expect(await mediaOf(movie.uid)).toMatchObject({
      state: 'probed',
      width: 640,
      height: 480,
      durationMs: 9000,
    });
    expect(await mediaOf(broken.uid)).toMatchObject({
      state: 'refused',
      reason: 'damaged',
      message: expect.any(String),
    });
    expect((await client.call('GET', `/files/${text.uid}`)).json).not.toHaveProperty('media');
    const links = await fetch(`${service.url}/api/storage/v0/link/download`, {
      method: 'POST',
      headers: { authorization: `Bearer ${service.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ uid: [photo.uid, text.uid, movie.uid], expire: 60 }),
    });
    const { data } = (await links.json()) as { data: { meta: { width: number; height: number } }[] };
    expect(data.map(({ meta }) => [meta.width, meta.height])).toEqual([
      [400, 300],
      [0, 0],
      [640, 480],
    ]);
  });
});

describe('thumbnails', () => {
  test('WebP where it is named, else JPEG; without what the camera told; with validators and ranges', async () => {
    const { uid } = await client.put('My Photo.JPG', await telling());
    for (const [accept, type] of [
      ['image/avif,image/webp,*/*', 'image/webp'],
      ['*/*', 'image/jpeg'],
      ['image/webp;q=0, image/*', 'image/jpeg'],
    ] as const) {
      const answer = await thumbnail(uid, '?size=64', { accept });
      expect([answer.status, answer.headers['content-type'], answer.headers.vary]).toEqual([
        200,
        type,
        'accept',
      ]);
      expect(answer.headers['cache-control']).toBe('private, max-age=300');
      expect(answer.headers['content-disposition']).toMatch(/^inline; filename="My Photo\.(webp|jpg)"/);
      const meta = await sharp(answer.bytes).metadata();
      expect([meta.width, meta.height, meta.exif]).toEqual([64, 48, undefined]);
      const etag = String(answer.headers.etag);
      const again = await thumbnail(uid, '?size=64', { accept, 'if-none-match': etag });
      expect([again.status, again.bytes.length]).toEqual([304, 0]);
      const part = await thumbnail(uid, '?size=64', { accept, range: 'bytes=0-9' });
      expect([part.status, part.bytes.equals(answer.bytes.subarray(0, 10))]).toEqual([206, true]);
      const head = await client.call('HEAD', `/files/${uid}/thumbnail?size=64`, { headers: { accept } });
      expect(Number(head.headers['content-length'])).toBe(answer.bytes.length);
    }
    const tags = await Promise.all(
      ['?size=64', '?size=256', ''].map(async (query) => (await thumbnail(uid, query)).headers.etag),
    );
    expect(new Set([...tags, (await client.content(uid)).headers.etag]).size).toBe(3);
  });

  test('are for those who may read the file', async () => {
    const { uid } = await client.put('private.jpg', image);
    const stranger = new RestClient(service.url, await createKey(service, 'stranger', 'read'));
    expect((await thumbnail(uid, '', {}, stranger)).status).toBe(404);
    stranger.close();
    const link = (await client.call('POST', `/files/${uid}/links`, { json: { maxUses: 2 } })).json;
    const shown = () => fetch(`${service.url}/api/v1/files/${uid}/thumbnail?size=64&link=${link.token}`);
    expect([(await shown()).status, (await shown()).status, (await shown()).status]).toEqual([200, 200, 410]);
    expect((await thumbnail(uid)).status).toBe(200);
    await client.call('DELETE', `/files/${uid}`);
    expect((await thumbnail(uid)).status).toBe(404);
  });

  test('that cannot be: each says why', async () => {
    const { uid } = await client.put('drawing.svg', svg);
    const refused = await thumbnail(uid);
    expect([refused.status, refused.json.code, refused.json.details]).toMatchObject([
      ...[415, 'Unsupported'],
      { reason: 'unsupported' },
    ]);
    const text = await client.put('t.txt', 'text');
    expect((await thumbnail(text.uid)).status).toBe(415);
    const photo = await client.put('p.jpg', await jpegOf(50, 40));
    expect((await thumbnail(photo.uid, '?size=65')).status).toBe(400);
    expect((await thumbnail(photo.uid, '?size=x')).status).toBe(400);
  });

  test('50 at once, in both processes, get the same one', async () => {
    const { uid } = await client.put('popular.jpg', await jpegOf(1200, 900));
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        fetch(`${service.url}/api/v1/files/${uid}/thumbnail?size=1024`, {
          headers: { authorization: `Bearer ${service.apiKey}`, accept: 'image/webp' },
        }),
      ),
    );
    const bodies = await Promise.all(answers.map(async (answer) => Buffer.from(await answer.arrayBuffer())));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(bodies.every((body) => body.equals(bodies[0] ?? Buffer.alloc(0)))).toBe(true);
    expect(await sharp(bodies[0]).metadata()).toMatchObject({ width: 1024, height: 768 });
  });
});

test('images that attack are refused, and neither the service nor its memory notices', {
  timeout: 90_000,
}, async () => {
  const rss = async () => {
    const status = await readFile(`/proc/${service.process.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  };
  const before = await rss();
  const attacks = [bomb(), liar(), await truncated('jpeg'), await truncated('gif'), svg, await jpegPage()];
  const uids = await Promise.all(
    attacks.map(async (bytes, index) => (await client.put(`attack-${index}.svg`, bytes)).uid),
  );
  const states = await Promise.all(uids.map(async (uid) => (await thumbnail(uid)).status));
  expect(states).toEqual(attacks.map(() => 415));
  const reasons = await Promise.all(uids.map(async (uid) => (await mediaOf(uid))?.reason));
  expect(reasons).toEqual([
    'too-many-pixels',
    'too-many-pixels',
    'damaged',
    'damaged',
    'unsupported',
    'disguised',
  ]);
  expect((await rss()) - before).toBeLessThan(100 * MEBIBYTE);
  const { uid } = await client.put('still-here.jpg', image);
  expect((await thumbnail(uid)).status).toBe(200);
  const { count } = (await client.call('POST', '/media/redrive?reason=disguised')).json as unknown as {
    count: number;
  };
  expect(count).toBe(1);
  expect(await mediaOf(uids[5] ?? '')).toMatchObject({ reason: 'disguised' });
  const env = { ...service.place, OSPROXY_API_KEY: API_KEY };
  const listed = await osproxy(['media', 'refused', '--reason', 'too-many-pixels'], env, service.dataDir);
  expect([listed.code, listed.out]).toEqual([0, expect.stringContaining(uids[0] ?? '')]);
  const doctor = await osproxy(['doctor'], env, service.dataDir);
  expect(doctor.code).toBe(0);
  expect(doctor.out).toMatch(/images.*sharp \d+\./);
});

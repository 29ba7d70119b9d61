import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey, RestClient } from '#test/e2e/rest/client.ts';
import { API_KEY } from '#test/e2e/service.ts';
import { osproxy } from '#test/faults/store-folder.ts';
import { openPlace, type Place, some } from './two-stores.ts';

const IMAGE = Buffer.concat([Buffer.from('ffd8ffe000104a464946', 'hex'), some(300)]);
const YAML = `
stores:
  - { name: main, type: local-disk, path: a }
  - { name: images, type: local-disk, path: b, maxFileSizeMiB: 1, allowedTypes: [image/*] }
  - { name: shop, type: local-disk, path: c }
placement:
  rules:
    - { match: { extensions: [png] }, store: images }
    - { match: { owner: shop }, store: shop }
`;

describe('several stores', () => {
  let place: Place;
  beforeAll(async () => {
    place = await openPlace(YAML);
  });
  afterAll(() => place.close());
  const storesOf = async (uid: string) =>
    (
      await place.query(
        `select distinct store from placements p join manifest_parts m on m.blob_id = p.blob_id join files f on f.manifest_id = m.manifest_id where f.uid = ${uid}`,
      )
    ).map((row) => row.store);

  it('take files by rule, in every way a file can come', async () => {
    const { client } = place;
    expect(await storesOf((await client.put('a.png', IMAGE)).uid)).toEqual(['images']);
    expect(await storesOf((await client.put('a.txt', 'text')).uid)).toEqual(['main']);
    const shop = new RestClient(place.service.url, await createKey(place.service, 'shop', 'read,write'));
    const bytes = some(1000);
    expect(await storesOf((await shop.put('b.txt', bytes)).uid)).toEqual(['shop']);
    const { uid } = await shop.putParts([some(2000), some(10)], { name: 'parts.bin' });
    expect(await storesOf(uid)).toEqual(['shop']);
    const whole = await shop.open({ name: 'whole.bin' });
    await shop.call('PUT', `/uploads/${whole}/content`, { body: some(77) });
    expect(await storesOf(whole)).toEqual(['shop']);
    shop.close();
  });

  it('refuse early what they do not take, in clear words, and keep nothing of it', async () => {
    const { client } = place;
    const objects = async () => {
      const [row] = await place.query("select count(*) n from placements where store = 'images'");
      return Number(row?.n);
    };
    const before = await objects();
    const large = await client.call('PUT', '/files/b.png', { body: Buffer.alloc(1_048_577) });
    expect([large.status, large.json.code, large.json.details.limit]).toEqual([413, 'TooLarge', 1_048_576]);
    const declared = await client.call('POST', '/uploads', { json: { name: 'b.png', size: 2_000_000 } });
    expect([declared.status, declared.json.detail]).toEqual([
      413,
      'Files of this kind may have at most 1048576 bytes, and this one has 2000000.',
    ]);
    async function* endless() {
      for (let i = 0; i < 30; i += 1) yield Buffer.alloc(100_000);
    }
    const chunked = await client.call('PUT', '/files/b.png', { body: endless() });
    expect([chunked.status, chunked.json.code]).toEqual([413, 'TooLarge']);
    const text = await client.call('PUT', '/files/b.png', { body: '%PDF-1.7 not an image' });
    expect([text.status, text.json.code]).toEqual([415, 'Unsupported']);
    expect(text.json.detail).toBe(
      'The content is of the type application/pdf, which is not taken here; taken are image/*.',
    );
    expect(await objects()).toBe(before);
    await place.restart();
    expect((await place.command('fsck')).code).toBe(0);
  });

  it('are listed with what is in them, on the command line, over REST and in the metrics', async () => {
    const { out, code } = await place.command('stores', 'list', '--json');
    expect(code).toBe(0);
    const stores = JSON.parse(out) as { name: string; objects: number; isDefault: boolean }[];
    expect(stores.map(({ name, isDefault }) => [name, isDefault])).toEqual([
      ['main', true],
      ['images', false],
      ['shop', false],
    ]);
    const answer = await place.client.call('GET', '/stores');
    const listed = (answer.json as unknown as { stores: Record<string, unknown>[] }).stores;
    expect(listed[1]).toMatchObject({
      name: 'images',
      type: 'local-disk',
      objects: 1,
      bytes: IMAGE.length,
      maxFileSize: 1_048_576,
      allowedTypes: ['image/*'],
    });
    expect((await place.command('stores', 'usage')).out).toMatch(
      /^images +local-disk .*1\.0 MiB +image\/\*$/m,
    );
    const metrics = await (await fetch(`${place.service.url}/metrics`)).text();
    expect(metrics).toContain(`osproxy_store_bytes{store="images"} ${IMAGE.length}`);
    expect(metrics).toContain('osproxy_store_objects{store="images"} 1');
    expect((await place.command('doctor')).out).toMatch(/store "shop" put +ok/);
  });
});

describe('a configuration that cannot be meant', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'osproxy-stores-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const start = async (yaml: string, words = ['serve']) => {
    await writeFile(join(folder, 'osproxy.yaml'), yaml);
    const env = { OSPROXY_DATA_DIR: folder, OSPROXY_API_KEY: API_KEY, OSPROXY_PORT: '0' };
    return osproxy(words, env, folder);
  };

  it.each([
    [
      'stores: [{ name: a, type: s4 }]',
      /^The store "a" has the type "s4"; it must be one of local-disk, memory, s3, or/,
    ],
    [
      'stores: [{ name: a, type: local-disk }]',
      /^The store "a" of type local-disk needs the setting "path": The folder/,
    ],
    [
      'stores: [{ name: a, type: memory, pth: x }]',
      /^The store "a" of type memory does not have the setting "pth"; it has none\.$/m,
    ],
    ['stores: [{ name: a, type: ./none.ts }]', /^The module .*\/none\.ts does not exist\.$/m],
    [
      'placement: { rules: [{ match: {}, store: fast }] }',
      /^placement\.rules\[0\]\.store .* is "fast", which no store is called; it must be one of local\.$/m,
    ],
  ])('%s', async (yaml, sentence) => {
    const { code, out, errors } = await start(yaml);
    expect(errors).toMatch(sentence);
    expect([code, out, errors.trim().split('\n').length]).toEqual([1, '', 1]);
  });

  it('every wrong setting of every store is named at once', async () => {
    const { errors } = await start(
      'stores: [{ name: a, type: memory, x: 1 }, { name: b, type: local-disk, path: 5, y: 2 }]',
    );
    expect(errors.trim().split('\n')).toHaveLength(3);
  });

  it('secrets of stores are masked, whatever their type', async () => {
    await writeFile(join(folder, 'my.mjs'), 'export default {};');
    const { out } = await start(
      `stores: [{ name: a, type: s3, vendor: aws, bucket: b, accessKeyId: AKIA, secretAccessKey: hush }, { name: b, type: ./my.mjs, apiKey: hush, deep: { password: hush } }]`,
      ['config', 'print'],
    );
    expect(out).not.toContain('hush');
    expect(out).toContain('AKIA');
    expect(out).toContain(`type: ${join(folder, 'my.mjs')}`);
  });
});

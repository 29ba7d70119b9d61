import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createKey, hex, RestClient } from '#test/e2e/rest/client.ts';
import { openPlace, type Place, some, until } from './two-stores.ts';

const YAML = `
stores:
  - { name: old, type: local-disk, path: old }
  - { name: new, type: local-disk, path: new }
purge: { graceSeconds: 2, intervalSeconds: 1 }
tasks: { leaseSeconds: 5 }
cache: { smallObjectsMiB: 0 }
`;

interface Move {
  readonly id: string;
  readonly state: string;
  readonly total?: { readonly files: number; readonly objects: number; readonly bytes: number };
  readonly done: { readonly files: number; readonly objects: number; readonly bytes: number };
  readonly failedObjects: number;
  readonly failures: readonly { readonly reason: string }[];
}

let place: Place;
afterEach(() => place.close());

const moveOf = async (id: string) => (await place.client.call('GET', `/moves/${id}`)).json as unknown as Move;
const begin = async (wanted: object = {}) => {
  const created = await place.client.call('POST', '/moves', { json: { from: 'old', to: 'new', ...wanted } });
  expect(created.status).toBe(201);
  return created.json as unknown as Move;
};
const control = async (id: string, action: string) => {
  const answer = await place.client.call('POST', `/moves/${id}/${action}`);
  expect(answer.status).toBe(200);
  return answer.json as unknown as Move;
};
const done = (id: string, withinMs = 120_000) =>
  until('the move is done', async () => (await moveOf(id)).state === 'done', withinMs);
const objectsIn = async (store: string) => {
  const entries = await readdir(join(place.dataDir, store, 'objects'), {
    recursive: true,
    withFileTypes: true,
  });
  return entries.filter((entry) => entry.isFile() && entry.name !== 'osproxy-store-mark').length;
};
const cleanFsck = async () => {
  const { out, code } = await place.command('fsck', '--deep');
  expect(out).toMatch(/: 0 found, 0 repaired/);
  expect(code).toBe(0);
};

interface Stored {
  readonly uid: string;
  readonly sha256: string;
  readonly size: number;
}

async function putMany(count: number, sizeOf: (index: number) => number): Promise<Stored[]> {
  const stored: Stored[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < count; index = next++) {
      const bytes = some(sizeOf(index));
      const { uid } = await place.client.put(`file-${index}.bin`, bytes);
      stored.push({ uid, sha256: hex('sha256', bytes), size: bytes.length });
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return stored;
}

describe('a move between two stores', () => {
  it('of 2 000 files is not noticed by 20 readers that loop over them, nor by new uploads', {
    timeout: 300_000,
  }, async () => {
    place = await openPlace(YAML);
    const files = await putMany(2000, (index) => (index % 100 === 0 ? 700_000 : 500 + index));
    const counts = { reads: 0, errors: 0, uploads: 0 };
    let running = true;
    const readers = Array.from({ length: 20 }, async (_, reader) => {
      for (let at = reader * 100; running; at += 7) {
        const file = files[at % files.length];
        if (file === undefined) return;
        const answer = await place.client.content(file.uid).catch(() => undefined);
        counts.reads += 1;
        if (answer?.status !== 200 || hex('sha256', answer.bytes) !== file.sha256) counts.errors += 1;
      }
    });
    const uploader = (async () => {
      while (running) {
        await place.client.put('new.bin', some(300));
        counts.uploads += 1;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    const started = performance.now();
    const { id } = await begin();
    await done(id);
    const seconds = (performance.now() - started) / 1000;
    // Some more rounds over what was moved, with the old bytes purged.
    await until('the old bytes are purged', async () => (await objectsIn('old')) <= counts.uploads);
    running = false;
    await Promise.all([...readers, uploader]);
    const move = await moveOf(id);
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    console.log(`move: 2000 files in ${seconds.toFixed(1)} s beside ${JSON.stringify(counts)}`);
    expect(counts.errors).toBe(0);
    expect(counts.reads).toBeGreaterThan(200);
    expect(move).toMatchObject({
      state: 'done',
      failedObjects: 0,
      total: { files: 2000, objects: 2000, bytes },
    });
    expect(move.done).toEqual(move.total);
    expect(await objectsIn('new')).toBe(2000);
    await cleanFsck();
    expect((await place.command('stores', 'moves')).out).toMatch(/2000 of 2000 +2000 of 2000/);
    const metrics = await (await fetch(`${place.service.url}/metrics`)).text();
    expect(metrics).toContain('osproxy_relocations_total{from="old",to="new",outcome="ok"} 2000');
    expect(metrics).toContain(`osproxy_relocated_bytes_total{from="old",to="new"} ${bytes}`);
  });

  it('survives kill -9 again and again, and moves each blob once', { timeout: 240_000 }, async () => {
    place = await openPlace(YAML);
    const files = await putMany(300, () => 50_000);
    const bytes = 300 * 50_000;
    const { id } = await begin({ bytesPerSecond: 3_000_000 });
    for (let kills = 0; kills < 3; kills += 1) {
      const before = (await moveOf(id)).done.objects;
      await until('it goes on', async () => (await moveOf(id)).done.objects > before + 10);
      await place.service.kill();
      await place.restart();
    }
    expect((await moveOf(id)).state).toBe('running');
    await done(id);
    const move = await moveOf(id);
    expect(move).toMatchObject({ failedObjects: 0, total: { files: 300, objects: 300, bytes } });
    expect(move.done).toEqual(move.total);
    for (const { uid, sha256 } of files) {
      expect(hex('sha256', (await place.client.content(uid)).bytes)).toBe(sha256);
    }
    // Copies that were cut off are nobody's bytes: purge takes them.
    await until(
      'purge is through',
      async () => (await objectsIn('old')) === 0 && (await objectsIn('new')) === 300,
    );
    await cleanFsck();
  });

  it('is begun, watched, paused, resumed and cancelled from the command line', {
    timeout: 120_000,
  }, async () => {
    place = await openPlace(YAML);
    await putMany(40, () => 100_000);
    const film = await place.client.put('film.mp4', some(2_000_000));
    const text = (await place.client.put('text.txt', 'text')).uid;
    const words = [
      'stores',
      'move',
      '--from',
      'old',
      '--to',
      'new',
      '--bandwidth',
      '0.5',
      '--match',
      'extensions=bin,mp4 minSize=1000',
    ];
    const begun = await place.command(...words);
    expect([begun.errors, begun.code]).toEqual(['', 0]);
    const id = /^Move (\d+) has begun/.exec(begun.out)?.[1] ?? '';
    await until('it has begun', async () => (await moveOf(id)).done.objects > 2);
    expect((await place.command('stores', 'pause', id)).out).toBe(`Move ${id} is paused.\n`);
    await until('it stands still', async () => {
      const before = (await moveOf(id)).done.objects;
      await new Promise((resolve) => setTimeout(resolve, 1500));
      return (await moveOf(id)).done.objects === before;
    });
    expect((await place.command('fsck')).code).toBe(0);
    const second = await place.command(...words);
    expect(second.errors).toBe(`Move ${id} from "old" to "new" is paused; let it end or cancel it first.\n`);
    expect((await place.command('stores', 'resume', id)).out).toBe(`Move ${id} is running.\n`);
    const paused = (await moveOf(id)).done.objects;
    await until('it goes on', async () => (await moveOf(id)).done.objects > paused);
    expect((await place.command('stores', 'cancel', id)).out).toBe(`Move ${id} is cancelled.\n`);
    expect((await place.command('stores', 'resume', id)).errors).toBe(`Move ${id} is cancelled.\n`);
    const next = await place.command(
      'stores',
      'move',
      '--from',
      'old',
      '--to',
      'new',
      '--match',
      'minSize=1000',
      '--json',
    );
    const again = (JSON.parse(next.out) as Move).id;
    await done(again);
    const report = await place.command('stores', 'moves', again);
    expect([report.code, report.out]).toEqual([0, expect.stringContaining('done')]);
    expect((await place.client.content(film.uid)).bytes.length).toBe(2_000_000);
    const [left] = await place.query(
      "select count(*) n from placements where store = 'old' and blob_id is not null",
    );
    expect(Number(left?.n)).toBe(1);
    expect((await place.client.content(text)).bytes.toString()).toBe('text');
    await cleanFsck();
  });

  it('says what is wrong with a request for it', async () => {
    place = await openPlace(YAML);
    const refused = async (json: object) => {
      const answer = await place.client.call('POST', '/moves', { json });
      return [answer.status, answer.json.code, answer.json.detail];
    };
    expect(await refused({ from: 'old', to: 'gone' })).toEqual([
      400,
      'InvalidArgument',
      'There is no store "gone"; there are old, new.',
    ]);
    expect((await refused({ from: 'old', to: 'old' }))[0]).toBe(400);
    expect((await refused({ from: 'old', to: 'new', match: { colour: 'red' } }))[0]).toBe(400);
    expect((await place.client.call('GET', '/moves/77')).status).toBe(404);
    expect((await place.client.call('POST', '/moves/x/pause')).status).toBe(400);
    const plain = new RestClient(
      place.service.url,
      await createKey(place.service, 'a', 'read,write,delete,links'),
    );
    for (const path of ['/stores', '/moves', '/tasks'])
      expect((await plain.call('GET', path)).status).toBe(403);
    plain.close();
    for (const words of [
      ['stores'],
      ['stores', 'move'],
      ['stores', 'pause'],
      ['stores', 'list', '--from', 'a'],
    ]) {
      expect((await place.command(...words)).code).toBe(2);
    }
    const match = await place.command('stores', 'move', '--from', 'old', '--to', 'new', '--match', 'size=3');
    expect(match.errors).toBe(
      '--match has "size=3"; the conditions are category, extensions, minSize, maxSize and owner.\n',
    );
    const { id } = await begin();
    await control(id, 'cancel').catch(() => undefined);
    const list = (await place.client.call('GET', '/moves')).json as unknown as { moves: Move[] };
    expect(list.moves.map((move) => move.id)).toEqual([id]);
  });
});

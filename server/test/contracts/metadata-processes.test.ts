import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Metadata } from '#core/ports/metadata.ts';
import { newId, sampleFile, write } from './metadata-samples.ts';
import { type TemporaryDatabase, temporaryDatabase } from './metadata-temporary.ts';

const CHILD = fileURLToPath(new URL('./metadata-child.ts', import.meta.url));

let database: TemporaryDatabase;
let opened: Metadata[] = [];
let children: ChildProcess[] = [];

beforeEach(async () => {
  database = await temporaryDatabase();
});

afterEach(async () => {
  for (const child of children)
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  for (const metadata of opened) await metadata.close();
  await database.remove();
  children = [];
  opened = [];
});

async function open(): Promise<Metadata> {
  const metadata = await database.open();
  opened.push(metadata);
  return metadata;
}

function start(...args: string[]): { child: ChildProcess; lines: string[]; exit: Promise<unknown> } {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CHILD, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  return { child, lines, exit: Promise.all([once(child, 'exit'), once(reader, 'close')]) };
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error('It did not come to that in 20 s.');
    await sleep(10);
  }
}

/** Every row belongs to a whole file, and each of the four tables has as many. */
function expectNothingHalf(): void {
  const raw = new DatabaseSync(database.path);
  try {
    const count = (sql: string) => raw.prepare(sql).get()?.count;
    const files = count('select count(*) as count from files');
    for (const table of ['blobs', 'placements', 'manifests', 'manifest_parts']) {
      expect(count(`select count(*) as count from ${table}`)).toBe(files);
    }
    const whole = `select count(*) as count from files f join manifest_parts p on p.manifest_id = f.manifest_id
      join manifests m on m.id = f.manifest_id join blobs b on b.id = p.blob_id join placements l on l.blob_id = b.id`;
    expect(count(whole)).toBe(files);
    expect(raw.prepare('pragma integrity_check').get()).toEqual({ integrity_check: 'ok' });
  } finally {
    raw.close();
  }
}

it('keeps all that was acknowledged, and nothing half, when killed under load', async () => {
  await (await open()).migrate();
  for (let round = 1; round <= 3; round++) {
    const { child, lines, exit } = start('write', database.path);
    await until(() => lines.length > 200 * round);
    child.kill('SIGKILL');
    await exit;
    const metadata = await open();
    const acknowledged = [...lines];
    for (const uid of acknowledged) expect((await metadata.files.content(uid))?.parts).toHaveLength(1);
    expectNothingHalf();
  }
});

it('keeps nothing of a transaction that was killed in its middle, and needs no help to go on', async () => {
  const before = await database.open();
  await before.migrate();
  await before.close();
  const uid = newId();
  const { child, lines, exit } = start('hang', database.path, uid);
  await until(() => lines.includes('hanging'));
  const metadata = await open();
  child.kill('SIGKILL');
  await exit;
  expect(await metadata.files.find(uid)).toBeUndefined();
  const acknowledged = lines.filter((line) => line !== 'hanging');
  expect(acknowledged).toHaveLength(20);
  expect(await metadata.files.findMany(acknowledged)).toHaveLength(20);
  expectNothingHalf();
  await write(metadata, ({ files }) => files.insert(sampleFile({ uid })));
});

it('is migrated once by processes that start at once', async () => {
  const started = Array.from({ length: 4 }, () => start('migrate', database.path));
  await Promise.all(started.map(({ exit }) => exit));
  for (const { child, lines } of started) {
    expect(child.exitCode).toBe(0);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ pending: [] });
  }
  const { applied, pending } = await (await open()).schema();
  expect(applied).toEqual([...new Set(applied)]);
  expect(applied).toContain('0001-first-tables');
  expect(pending).toEqual([]);
});

it('loses no write of processes that write at once', async () => {
  const metadata = await open();
  await metadata.migrate();
  const file = sampleFile();
  await write(metadata, ({ files }) => files.insert(file));
  const others = [start('bump', database.path, file.uid), start('bump', database.path, file.uid)];
  const own = Array.from({ length: 100 }, () =>
    write(metadata, ({ files }) => files.bumpLinkEpoch(file.uid, file.createdAt)),
  );
  await Promise.all([...own, ...others.map(({ exit }) => exit)]);
  for (const { child } of others) expect(child.exitCode).toBe(0);
  expect((await metadata.files.find(file.uid))?.linkEpoch).toBe(300);
});

import { truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { curlDownload, curlUpload } from './harness/curl.ts';
import { GIB, KIB, MIB, makeSource } from './harness/files.ts';
import { median } from './harness/median.ts';
import { peakDuring, residentBytes } from './harness/memory-watch.ts';
import { type Osproxy, startOsproxy } from './harness/osproxy.ts';
import { printTable } from './harness/report.ts';
import { showProgress } from './harness/rounds.ts';
import { transfer } from './harness/transfer-job.ts';
import type { Workspace } from './harness/workspace.ts';

const { rounds, large, count } = numbers({ rounds: 3, large: 4096, count: 2000 });
const SETTLE_MS = 1500;
const SMALL = 4 * KIB;
const USER = { name: 'bench', password: 'correct horse battery staple' };

interface Person {
  readonly authorization: string;
}

/** Somebody with a drive, which programs with a key have not. */
async function signIn(osproxy: Osproxy): Promise<Person> {
  const signedIn = await osproxy.json<{ accessToken: string }>('POST', '/api/v1/auth/sign-in', USER);
  return { authorization: `Bearer ${signedIn.accessToken}` };
}

async function post<T>(osproxy: Osproxy, { authorization }: Person, path: string, body: object): Promise<T> {
  const answer = await fetch(`${osproxy.url}/api/v1${path}`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text}`);
  return JSON.parse(text) as T;
}

/** A folder with one large file and one with many small ones; gives their ids. */
async function fill(workspace: Workspace, dataDir: string): Promise<readonly [string, string]> {
  const osproxy = await startOsproxy(dataDir);
  await osproxy.json('POST', '/api/v1/users', USER);
  const person = await signIn(osproxy);
  const folder = async (name: string) =>
    (await post<{ id: string }>(osproxy, person, '/drive/folders', { parentId: 'root', name })).id;
  const folders = [await folder('large'), await folder('small')] as const;
  const urlOf = (id: string, name: string) => `${osproxy.url}/api/v1/drive/folders/${id}/files/${name}`;
  const one = workspace.file('large.bin');
  writeFileSync(one, 'sparse');
  truncateSync(one, large * MIB);
  await curlUpload(one, urlOf(folders[0], 'large.bin'), { ...person });
  const piece = workspace.file('piece.bin');
  await makeSource(piece, SMALL);
  await transfer({
    method: 'PUT',
    urls: Array.from({ length: count }, (_, index) => urlOf(folders[1], `${index}.bin`)),
    headers: { ...person },
    concurrency: 8,
    body: { file: piece, fileBytes: SMALL, bytes: SMALL },
  });
  await osproxy.quiet();
  await osproxy.stop();
  return folders;
}

/** By a ticket, as a browser saves a ZIP, from a new process. */
async function stream(dataDir: string, entry: string) {
  const osproxy = await startOsproxy(dataDir);
  try {
    const person = await signIn(osproxy);
    const wish = { kind: 'zip', entries: [entry] };
    const { url } = await post<{ url: string }>(osproxy, person, '/drive/tickets', wish);
    const head = await fetch(`${osproxy.url}${url}`, { method: 'HEAD' });
    const bytes = Number(head.headers.get('content-length'));
    await sleep(SETTLE_MS);
    const idle = residentBytes(osproxy.pid);
    let seconds = 0;
    const peak = await peakDuring(osproxy.pid, async () => {
      seconds = await curlDownload(`${osproxy.url}${url}`, bytes);
    });
    return { idle, growth: peak - idle, seconds, bytes };
  } finally {
    await osproxy.stop();
  }
}

await benchmark({
  title: `zip-stream: a folder as one ZIP: growth of the server's resident memory over idle, a new process for every figure, and speed`,
  diskBytes: 2 * large * MIB + GIB,
  run: async (workspace) => {
    const dataDir = workspace.folder('data');
    const folders = await fill(workspace, dataDir);
    const figures = folders.map(() => [] as Awaited<ReturnType<typeof stream>>[]);
    for (let round = 0; round <= rounds; round += 1) {
      for (const [index, entry] of folders.entries()) {
        const figure = await stream(dataDir, entry);
        if (round > 0) figures[index]?.push(figure);
      }
      showProgress(round === 0 ? 'warmed up' : `round ${round} of ${rounds}`);
    }
    const show = (bytes: number) => (bytes / MIB).toFixed(0);
    const rows = figures.map((found, index) => {
      const growth = found.map((one) => one.growth);
      const seconds = median(found.map((one) => one.seconds));
      const [files, name] =
        index === 0 ? [1, `one file of ${large} MiB`] : [count, `${count} files of 4 KiB`];
      return [
        ...[name, show(median(found.map(({ idle }) => idle))), show(median(growth))],
        ...[show(Math.max(...growth)), '64', seconds.toFixed(2)],
        ...[show((found[0]?.bytes ?? 0) / seconds), (files / seconds).toFixed(0)],
      ];
    });
    printTable(['', 'idle MiB', 'growth, median', 'most', 'limit', 'seconds', 'MiB/s', 'files/s'], rows);
  },
});

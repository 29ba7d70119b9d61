import { truncateSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { curlDownload, curlUpload } from './harness/curl.ts';
import { GIB, MIB, makeSource } from './harness/files.ts';
import { median } from './harness/median.ts';
import { peakDuring, residentBytes } from './harness/memory-watch.ts';
import { type Osproxy, startOsproxy } from './harness/osproxy.ts';
import { printTable } from './harness/report.ts';
import { showProgress } from './harness/rounds.ts';
import { allUids } from './harness/small-files.ts';
import { transfer } from './harness/transfer-job.ts';
import type { Workspace } from './harness/workspace.ts';

const { rounds, large, count, each } = numbers({ rounds: 5, large: 4096, count: 100, each: 32 });
const SETTLE_MS = 1500;

/** One way of using the service; gives the growth of a process that was idle before. */
type Phase = (osproxy: Osproxy, source: string) => Promise<void>;

const uploadLarge: Phase = async (osproxy, source) => {
  const headers = { authorization: osproxy.authorization };
  await curlUpload(source, `${osproxy.url}/api/v1/files/large.bin`, headers);
};

const downloadLarge: Phase = async (osproxy) => {
  const [uid] = await allUids(osproxy);
  const headers = { authorization: osproxy.authorization };
  await curlDownload(`${osproxy.url}/api/v1/files/${uid}/content`, large * MIB, headers);
};

const uploadMany: Phase = async (osproxy, source) => {
  await transfer({
    method: 'PUT',
    urls: Array.from({ length: count }, (_, index) => `${osproxy.url}/api/v1/files/${index}.bin`),
    headers: { authorization: osproxy.authorization },
    concurrency: count,
    body: { file: source, fileBytes: each * MIB, bytes: each * MIB },
  });
};

const downloadMany: Phase = async (osproxy) => {
  const uids = await allUids(osproxy);
  await transfer({
    method: 'GET',
    urls: uids.map((uid) => `${osproxy.url}/api/v1/files/${uid}/content`),
    headers: { authorization: osproxy.authorization },
    concurrency: uids.length,
  });
};

await benchmark({
  title: `memory: growth of the server's resident memory over idle, sampled every 50 ms, a new process for every figure`,
  diskBytes: large * MIB + count * each * MIB + GIB,
  run: async (workspace) => {
    const one = workspace.file('large.bin');
    writeFileSync(one, 'sparse');
    truncateSync(one, large * MIB);
    const piece = workspace.file('piece.bin');
    await makeSource(piece, each * MIB);
    const phases = [
      { name: `upload of ${large} MiB`, phase: uploadLarge, source: one, dataDir: 'one', limit: 64 },
      { name: `download of ${large} MiB`, phase: downloadLarge, source: one, dataDir: 'one', limit: 64 },
      {
        name: `${count} uploads of ${each} MiB`,
        phase: uploadMany,
        source: piece,
        dataDir: 'many',
        limit: 200,
      },
      {
        name: `${count} downloads of ${each} MiB`,
        phase: downloadMany,
        source: piece,
        dataDir: 'many',
        limit: 200,
      },
    ];
    const figures = phases.map(() => ({ idle: [] as number[], growth: [] as number[] }));
    for (let round = 1; round <= rounds; round += 1) {
      for (const [index, { phase, source, dataDir }] of phases.entries()) {
        const { idle, growth } = await measure(workspace, dataDir, (osproxy) => phase(osproxy, source));
        figures[index]?.idle.push(idle);
        figures[index]?.growth.push(growth);
      }
      for (const name of ['one', 'many']) await rm(workspace.file(name), { recursive: true });
      showProgress(`round ${round} of ${rounds}`);
    }
    const show = (bytes: number) => (bytes / MIB).toFixed(0);
    const rows = phases.map(({ name, limit }, index) => {
      const { idle = [], growth = [] } = figures[index] ?? {};
      const middle = median(growth);
      const most = Math.max(...growth);
      const part = (middle / (limit * MIB)).toFixed(2);
      return [name, show(median(idle)), show(middle), show(most), `${limit}`, part];
    });
    printTable(['MiB', 'idle', 'growth, median', 'most', 'limit', 'median / limit'], rows);
  },
});

/** Bytes while idle, and how far the most seen during the work lies above. */
async function measure(
  workspace: Workspace,
  dataDir: string,
  work: (osproxy: Osproxy) => Promise<void>,
): Promise<{ idle: number; growth: number }> {
  const osproxy = await startOsproxy(workspace.folder(dataDir));
  try {
    await allUids(osproxy);
    await sleep(SETTLE_MS);
    const idle = residentBytes(osproxy.pid);
    const peak = await peakDuring(osproxy.pid, () => work(osproxy));
    return { idle, growth: peak - idle };
  } finally {
    await osproxy.stop();
  }
}

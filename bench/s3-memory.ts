import { setTimeout as sleep } from 'node:timers/promises';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { type Ceph, startCeph, storeSettings } from './harness/ceph.ts';
import { GIB, MIB, makeSource } from './harness/files.ts';
import { median } from './harness/median.ts';
import { peakDuring, residentBytes } from './harness/memory-watch.ts';
import { startOsproxy } from './harness/osproxy.ts';
import { printTable } from './harness/report.ts';
import { showProgress } from './harness/rounds.ts';
import { allUids } from './harness/small-files.ts';
import { transfer } from './harness/transfer-job.ts';
import type { Workspace } from './harness/workspace.ts';

const { rounds, count, each } = numbers({ rounds: 5, count: 50, each: 64 });
const SETTLE_MS = 1500;
const PARTS_MIB = 8;
/** What the store's settings allow at their defaults: one part for each put and four times the concurrency more. */
const ALLOWED_MIB = PARTS_MIB * (count + 4 * 4);

await benchmark({
  title: `s3-memory: growth of osproxy's resident memory over idle with ${count} uploads of ${each} MiB at once to a Ceph gateway`,
  diskBytes: count * each * MIB + GIB,
  run: async (workspace) => {
    const piece = workspace.file('piece.bin');
    await makeSource(piece, each * MIB);
    const ceph = await startCeph(workspace, 2 * count * each * MIB + GIB);
    const ways = [
      { name: `${count} × ${each} MiB, length declared`, chunked: false },
      { name: `${count} × ${each} MiB, length unknown`, chunked: true },
    ];
    const figures = ways.map(() => ({ idle: [] as number[], growth: [] as number[] }));
    for (let round = 1; round <= rounds; round += 1) {
      for (const [index, { chunked }] of ways.entries()) {
        const folder = `osproxy-${round}-${index}`;
        const { idle, growth } = await measure(workspace, folder, ceph, piece, chunked);
        figures[index]?.idle.push(idle);
        figures[index]?.growth.push(growth);
        await ceph.empty();
      }
      showProgress(`round ${round} of ${rounds}`);
    }
    const show = (bytes: number) => (bytes / MIB).toFixed(0);
    const rows = ways.map(({ name }, index) => {
      const { idle = [], growth = [] } = figures[index] ?? {};
      return [name, show(median(idle)), show(median(growth)), show(Math.max(...growth))];
    });
    printTable(['MiB', 'idle', 'growth, median', 'most'], rows);
    console.log(
      `All ${count} together are ${count * each} MiB. Declared lengths up to 64 MiB are streamed; of unknown length the store's buffers take ${ALLOWED_MIB} MiB at most.`,
    );
  },
});

/** Bytes while idle, and how far the most seen during the uploads lies above. */
async function measure(
  workspace: Workspace,
  folder: string,
  ceph: Ceph,
  piece: string,
  chunked: boolean,
): Promise<{ idle: number; growth: number }> {
  const osproxy = await startOsproxy(workspace.folder(folder), storeSettings(ceph.place));
  try {
    await allUids(osproxy);
    await sleep(SETTLE_MS);
    const idle = residentBytes(osproxy.pid);
    const peak = await peakDuring(osproxy.pid, () =>
      transfer({
        method: 'PUT',
        urls: Array.from({ length: count }, (_, index) => `${osproxy.url}/api/v1/files/${index}.bin`),
        headers: { authorization: osproxy.authorization },
        concurrency: count,
        body: { file: piece, fileBytes: each * MIB, bytes: each * MIB, chunked },
      }),
    );
    return { idle, growth: peak - idle };
  } finally {
    await osproxy.stop();
  }
}

import { hash, randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { startCeph, storeSettings } from './harness/ceph.ts';
import { GIB, KIB } from './harness/files.ts';
import { getWhole } from './harness/get-whole.ts';
import { median } from './harness/median.ts';
import { type Osproxy, startOsproxy } from './harness/osproxy.ts';
import { printTable } from './harness/report.ts';
import { showProgress } from './harness/rounds.ts';

const { rounds, files, kib, readers } = numbers({ rounds: 5, files: 2000, kib: 64, readers: 20 });
const MOVE_WITHIN_MS = 600_000;

interface Stored {
  readonly uid: string;
  readonly sha256: string;
}

interface Move {
  readonly id: string;
  readonly state: string;
  readonly done: { readonly files: number; readonly bytes: number };
  readonly failedObjects: number;
}

/** What one move in one direction showed. */
interface Figures {
  readonly seconds: number;
  readonly moved: number;
  readonly failed: number;
  readonly reads: number;
}

await benchmark({
  title: `move: ${files} files of ${kib} KiB between a folder and a Ceph gateway in memory, ${readers} readers looping over them`,
  diskBytes: 4 * files * kib * KIB + GIB,
  run: async (workspace) => {
    const ceph = await startCeph(workspace, 8 * GIB);
    const dataDir = workspace.folder('osproxy');
    const disk = { name: 'disk', type: 'local-disk', path: workspace.folder('disk') };
    const osproxy = await startOsproxy(dataDir, {
      ...storeSettings(ceph.place, [disk]),
      OSPROXY_DEFAULT_STORE: 'disk',
      // The places that were left are emptied between the rounds.
      OSPROXY_PURGE_GRACE_SECONDS: '2',
      OSPROXY_PURGE_INTERVAL_SECONDS: '1',
    });
    const agent = new Agent({ keepAlive: true, maxSockets: readers });
    const stored = await storeFiles(osproxy, agent);
    const errors: string[] = [];
    const directions = [
      { from: 'disk', to: 'ceph' },
      { from: 'ceph', to: 'disk' },
    ];
    const all = directions.map((): Figures[] => []);
    for (let round = 1; round <= rounds; round += 1) {
      for (const [index, direction] of directions.entries()) {
        const readings = startReaders(osproxy, agent, stored, errors);
        const figures = await move(osproxy, direction, readings.count);
        await readings.stop();
        all[index]?.push(figures);
      }
      showProgress(`round ${round} of ${rounds}`);
    }
    agent.destroy();
    const rows = directions.map(({ from, to }, index) => {
      const figures = all[index] ?? [];
      const of = (value: (one: Figures) => number) => median(figures.map(value)).toFixed(0);
      const seconds = median(figures.map((one) => one.seconds)).toFixed(1);
      const megabytes = of((one) => (one.moved * kib * KIB) / one.seconds / 1e6);
      return [
        `${from} to ${to}`,
        of((one) => one.moved),
        of((one) => one.failed),
        seconds,
        of((one) => one.moved / one.seconds),
        megabytes,
        of((one) => one.reads / one.seconds),
      ];
    });
    printTable(['median', 'files', 'failed', 's', 'files/s', 'MB/s', 'reads/s meanwhile'], rows);
    console.log(`read errors: ${errors.length} (aim 0)${errors.length > 0 ? `, such as ${errors[0]}` : ''}`);
    console.log(
      'Each file is copied, read again from where it went, and compared; each read is compared too.',
    );
  },
});

/** Moves everything; throws when it is not done in time. `reads` counts what was read since the start of the service. */
async function move(
  osproxy: Osproxy,
  direction: { readonly from: string; readonly to: string },
  reads: () => number,
): Promise<Figures> {
  const before = reads();
  const start = performance.now();
  const { id } = await osproxy.json<Move>('POST', '/api/v1/moves', direction);
  for (;;) {
    const { state, done, failedObjects } = await osproxy.json<Move>('GET', `/api/v1/moves/${id}`);
    const seconds = (performance.now() - start) / 1000;
    if (state === 'done')
      return { seconds, moved: done.files, failed: failedObjects, reads: reads() - before };
    if (seconds * 1000 > MOVE_WITHIN_MS) throw new Error(`the move is still ${state} after ${seconds} s`);
    await sleep(50);
  }
}

function startReaders(osproxy: Osproxy, agent: Agent, stored: readonly Stored[], errors: string[]) {
  const headers = { authorization: osproxy.authorization };
  let running = true;
  let reads = 0;
  const read = async ({ uid, sha256 }: Stored) => {
    try {
      const bytes = await getWhole(`${osproxy.url}/api/v1/files/${uid}/content`, agent, headers);
      if (hash('sha256', bytes) !== sha256) errors.push(`${uid} gave other bytes`);
    } catch (error) {
      errors.push(String(error));
    }
    reads += 1;
  };
  const loops = Array.from({ length: readers }, async (_, reader) => {
    for (let at = Math.floor((reader * files) / readers); running; at += 1) {
      const file = stored[at % stored.length];
      if (file !== undefined) await read(file);
    }
  });
  return {
    count: () => reads,
    stop: async () => {
      running = false;
      await Promise.all(loops);
    },
  };
}

async function storeFiles(osproxy: Osproxy, agent: Agent): Promise<Stored[]> {
  const stored: Stored[] = [];
  const names = Array.from({ length: files }, (_, index) => `${index}.bin`).values();
  const lane = async () => {
    for (const name of names) {
      const bytes = randomBytes(kib * KIB);
      const uid = await put(`${osproxy.url}/api/v1/files/${name}`, agent, osproxy.authorization, bytes);
      stored.push({ uid, sha256: hash('sha256', bytes) });
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  return stored;
}

/** The uid of the new file. */
function put(url: string, agent: Agent, authorization: string, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'PUT', agent, headers: { authorization } }, async (answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString();
      if (answer.statusCode === 201) resolve((JSON.parse(text) as { uid: string }).uid);
      else reject(new Error(`PUT ${url} answered ${answer.statusCode}: ${text}`));
    });
    sent.on('error', reject).end(bytes);
  });
}

import { setTimeout as sleep } from 'node:timers/promises';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { MIB } from './harness/files.ts';
import { median } from './harness/median.ts';
import { peakDuring, residentBytes } from './harness/memory-watch.ts';
import { type Osproxy, startOsproxy } from './harness/osproxy.ts';
import { printTable } from './harness/report.ts';
import { showProgress } from './harness/rounds.ts';

const { rounds, signIns, users } = numbers({ rounds: 3, signIns: 1000, users: 50 });
const PASSWORD = 'correct horse battery staple';
const SETTLE_MS = 1500;
/** Hashes that run at once have 19 MiB each; the rest is for the connections of the burst. */
const LIMIT_MIB = 200;
const WAYS = [16, 128, signIns];

interface Figures {
  readonly growth: number;
  readonly perSecond: number;
  readonly median: number;
  readonly refused: number;
}

await benchmark({
  title: `sign-in: ${signIns} sign-ins of ${users} users, so many at once; a new process for every figure`,
  diskBytes: 100 * MIB,
  run: async (workspace) => {
    const figures: Figures[][] = WAYS.map(() => []);
    for (let round = 1; round <= rounds; round += 1) {
      for (const [index, atOnce] of WAYS.entries()) {
        figures[index]?.push(await measure(workspace.folder(`r${round}-${atOnce}`), atOnce));
      }
      showProgress(`round ${round} of ${rounds}`);
    }
    const rows = WAYS.map((atOnce, index) => {
      const all = figures[index] ?? [];
      const of = (field: keyof Figures) => all.map((one) => one[field]);
      return [
        `${atOnce}`,
        median(of('perSecond')).toFixed(0),
        median(of('median')).toFixed(0),
        `${Math.max(...of('refused'))}`,
        median(of('growth')).toFixed(0),
        Math.max(...of('growth')).toFixed(0),
        `${LIMIT_MIB}`,
      ];
    });
    printTable(
      ['at once', 'per second', 'median ms', 'refused (429)', 'growth MiB, median', 'most', 'limit'],
      rows,
    );
  },
});

async function measure(dataDir: string, atOnce: number): Promise<Figures> {
  // All come from one address, and none of them is wrong.
  const osproxy = await startOsproxy(dataDir, {
    OSPROXY_ACCOUNTS_FAILURES_PER_ADDRESS: '1000000',
    OSPROXY_ACCOUNTS_FAILURES_PER_ACCOUNT: '1000',
  });
  try {
    for (let user = 0; user < users; user += 1) {
      await osproxy.json('POST', '/api/v1/users', { name: `user-${user}`, password: PASSWORD });
    }
    await sleep(SETTLE_MS);
    const idle = residentBytes(osproxy.pid);
    const times: number[] = [];
    let refused = 0;
    const began = performance.now();
    const peak = await peakDuring(osproxy.pid, async () => {
      let next = 0;
      const lane = async () => {
        while (next < signIns) {
          const user = next % users;
          next += 1;
          const from = performance.now();
          const status = await signIn(osproxy, `user-${user}`);
          if (status === 429) refused += 1;
          else if (status !== 200) throw new Error(`A sign-in was answered with ${status}.`);
          else times.push(performance.now() - from);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, lane));
    });
    const seconds = (performance.now() - began) / 1000;
    return {
      growth: (peak - idle) / MIB,
      perSecond: times.length / seconds,
      median: median(times),
      refused,
    };
  } finally {
    await osproxy.stop();
  }
}

async function signIn({ url }: Osproxy, name: string): Promise<number> {
  const answer = await fetch(`${url}/api/v1/auth/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password: PASSWORD }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

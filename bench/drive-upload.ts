import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { GIB, settleDisk } from './harness/files.ts';
import { startOsproxy } from './harness/osproxy.ts';
import { PER_SECOND, printRatios, printSeries } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';
import type { Contender } from './harness/series.ts';
import type { Workspace } from './harness/workspace.ts';
import { wrk } from './harness/wrk.ts';

const { rounds, seconds, connections } = numbers({ rounds: 5, seconds: 4, connections: 32 });
const PASSWORD = 'correct horse battery staple';

const SIZES = [4, 64, 1024];

await benchmark({
  title: `drive-upload: files of ${SIZES.join(', ')} KiB made durable, ${connections} connections, ${seconds} s a round, by wrk`,
  diskBytes: 24 * GIB,
  run: async (workspace) => {
    for (const kib of SIZES) await measure(workspace, kib);
  },
});

/** With a service of its own for each size, and without the bytes of the round before. */
async function measure(workspace: Workspace, kib: number): Promise<void> {
  const env = { OSPROXY_DRIVE_QUOTA_MIB: '1048576' };
  const osproxy = await startOsproxy(workspace.folder(`osproxy-${kib}`), env);
  const person = { name: 'bench', password: PASSWORD };
  await osproxy.json('POST', '/api/v1/users', person);
  const put = async (prefix: string, seed: string, authorization: string) => {
    const script = { SEED: seed, PREFIX: prefix, AUTHORIZATION: authorization, SIZE: String(kib * 1024) };
    const rate = await wrk({ url: osproxy.url, connections, seconds, script: 'put-files', env: script });
    await osproxy.quiet();
    await osproxy.dropBytes();
    await settleDisk(workspace.path);
    return rate;
  };
  const contenders: Contender[] = [
    {
      name: `${kib} KiB, v1 PUT`,
      measure: (round) => put('/api/v1/files/', `bare${round}`, osproxy.authorization),
    },
    {
      name: `${kib} KiB, drive PUT`,
      measure: async (round) => {
        const { accessToken } = await osproxy.json<{ accessToken: string }>(
          'POST',
          '/api/v1/auth/sign-in',
          person,
        );
        const prefix = '/api/v1/drive/folders/root/files/';
        return put(prefix, `drive${round}`, `Bearer ${accessToken}`);
      },
    },
  ];
  const [bare, drive] = await measureRounds(contenders, rounds);
  await osproxy.stop();
  if (!bare || !drive) return;
  printSeries([bare, drive], PER_SECOND);
  printRatios([{ subject: drive, reference: bare, aim: 'aim ≥ 0.9' }], PER_SECOND);
}

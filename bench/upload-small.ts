import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { GIB, settleDisk } from './harness/files.ts';
import { startNginx } from './harness/nginx.ts';
import { startOsproxy } from './harness/osproxy.ts';
import { run } from './harness/processes.ts';
import { PER_SECOND, printRatios, printSeries } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';
import type { Contender } from './harness/series.ts';
import { wrk } from './harness/wrk.ts';

const { rounds, seconds, connections } = numbers({ rounds: 5, seconds: 4, connections: 32 });

await benchmark({
  title: `upload-small: files of 4 KiB made durable, ${connections} connections, ${seconds} s a round, by wrk`,
  diskBytes: 4 * GIB,
  run: async (workspace) => {
    const nginx = await startNginx(workspace.folder('nginx'));
    const osproxy = await startOsproxy(workspace.folder('osproxy'));

    const raw = async (threads: number) => {
      const folder = workspace.folder('raw');
      const script = fileURLToPath(new URL('./harness/raw-writer.ts', import.meta.url));
      const { stdout } = await run(process.execPath, [script, folder, String(threads), String(seconds)]);
      await rm(folder, { recursive: true });
      await settleDisk(workspace.path);
      return Number(stdout);
    };
    const put = async (url: string, prefix: string, round: number, more: Record<string, string> = {}) => {
      const env = { SEED: `round${round}`, PREFIX: prefix, ...more };
      const rate = await wrk({ url, connections, seconds, script: 'put-files', env });
      await settleDisk(workspace.path);
      return rate;
    };

    const contenders: Contender[] = [
      { name: 'raw, one after another', measure: () => raw(1) },
      { name: `raw, ${connections} in flight`, measure: () => raw(connections) },
      {
        name: 'osproxy PUT',
        measure: (round) =>
          put(osproxy.url, '/api/v1/files/', round, { AUTHORIZATION: osproxy.authorization }),
      },
      {
        name: 'nginx dav PUT, no sync',
        measure: async (round) => {
          const rate = await put(nginx.url, '/small/', round);
          await rm(join(nginx.root, 'small'), { recursive: true });
          return rate;
        },
      },
    ];
    const [single, many, ours, dav] = await measureRounds(contenders, rounds);
    if (!single || !many || !ours || !dav) return;
    printSeries([single, many, ours, dav], PER_SECOND);
    printRatios(
      [
        { subject: ours, reference: single, aim: 'aim ≥ 0.8, at least 0.4' },
        { subject: ours, reference: many, aim: 'aim ≥ 0.8, at least 0.4' },
        { subject: ours, reference: dav },
      ],
      PER_SECOND,
    );
    console.log(
      'raw: open, write, fsync, close, rename; it leaves out the fsync of the folder, which osproxy does.',
    );
  },
});

import { writeFileSync } from 'node:fs';
import { startRedis } from '../server/test/services/redis.ts';
import { ServiceUnavailable } from '../server/test/services/service-unavailable.ts';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { GIB, KIB, makeSource } from './harness/files.ts';
import { startOsproxy } from './harness/osproxy.ts';
import { stopLater } from './harness/processes.ts';
import { type Comparison, PER_SECOND, printRatios, printSeries } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';
import type { Contender } from './harness/series.ts';
import { downloadLinks, smallFiles } from './harness/small-files.ts';
import { MissingTool } from './harness/tools.ts';
import { wrk } from './harness/wrk.ts';

const { rounds, seconds, connections, files, workers } = numbers({
  rounds: 5,
  seconds: 4,
  connections: 32,
  files: 1000,
  workers: 2,
});

interface Case {
  readonly bytes: number;
  readonly processes: number;
  readonly redis: boolean;
}

const CASES: readonly Case[] = [4 * KIB, 64 * KIB].flatMap((bytes) =>
  [false, true].flatMap((redis) => [1, workers].map((processes) => ({ bytes, processes, redis }))),
);

await benchmark({
  title: `workers: downloads of 4 KiB and 64 KiB by signed v0 links from 1 and ${workers} processes, with and without Redis, ${connections} connections, ${seconds} s a round, by wrk`,
  diskBytes: 2 * GIB,
  run: async (workspace) => {
    const redisUrl = await redis();
    const contenders: Contender[] = [];
    for (const { bytes, processes, redis } of CASES) {
      const source = workspace.file(`source-${bytes}.bin`);
      await makeSource(source, bytes);
      const name = `${bytes}-${processes}-${redis ? 'redis' : 'alone'}`;
      const osproxy = await startOsproxy(workspace.folder(name), {
        OSPROXY_WORKERS: String(processes),
        ...(redis ? { OSPROXY_REDIS_URL: redisUrl, OSPROXY_REDIS_PREFIX: `${name}:` } : {}),
      });
      const uids = await smallFiles(osproxy, source, bytes, files);
      const paths = workspace.file(`${name}.paths`);
      writeFileSync(paths, `${(await downloadLinks(osproxy, uids)).join('\n')}\n`);
      const load = { url: osproxy.url, connections, seconds, script: 'get-paths', env: { PATHS: paths } };
      contenders.push({ name: nameOf({ bytes, processes, redis }), measure: () => wrk(load) });
    }
    const all = await measureRounds(contenders, rounds);
    printSeries(all, PER_SECOND);
    const of = (one: Case) => all[CASES.findIndex((other) => nameOf(other) === nameOf(one))];
    const pairs = CASES.flatMap((one): Comparison[] => {
      const [subject, single, alone] = [of(one), of({ ...one, processes: 1 }), of({ ...one, redis: false })];
      return [single, alone].flatMap((reference) =>
        subject === undefined || reference === undefined || subject === reference
          ? []
          : [{ subject, reference }],
      );
    });
    printRatios(pairs, PER_SECOND);
    console.log('wrk itself needs a processor or two: the ratio falls where there are not enough for both.');
  },
});

function nameOf({ bytes, processes, redis }: Case): string {
  const count = `${processes} process${processes === 1 ? '' : 'es'}`;
  return `${bytes / KIB} KiB, ${count}${redis ? ', Redis' : ''}`;
}

/** Ends with the benchmark. Throws MissingTool where Redis is not here and cannot be installed. */
async function redis(): Promise<string> {
  const server = await startRedis().catch((error: unknown): never => {
    throw error instanceof ServiceUnavailable ? new MissingTool(error.message) : error;
  });
  stopLater(() => server.stop());
  return server.url;
}

import { writeFileSync } from 'node:fs';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { GIB, KIB, makeSource } from './harness/files.ts';
import { startOsproxy } from './harness/osproxy.ts';
import { PER_SECOND, printRatios, printSeries } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';
import type { Contender, Series } from './harness/series.ts';
import { downloadLinks, smallFiles } from './harness/small-files.ts';
import { wrk } from './harness/wrk.ts';

const { rounds, seconds, connections, files, workers } = numbers({
  rounds: 5,
  seconds: 4,
  connections: 32,
  files: 1000,
  workers: 2,
});

await benchmark({
  title: `workers: downloads of 4 KiB and 64 KiB by signed v0 links from 1 and ${workers} processes, ${connections} connections, ${seconds} s a round, by wrk`,
  diskBytes: 2 * GIB,
  run: async (workspace) => {
    const contenders: Contender[] = [];
    for (const bytes of [4 * KIB, 64 * KIB]) {
      const size = `${bytes / KIB} KiB`;
      const source = workspace.file(`source-${bytes}.bin`);
      await makeSource(source, bytes);
      for (const count of [1, workers]) {
        const name = `${count}-${bytes}`;
        const osproxy = await startOsproxy(workspace.folder(name), { OSPROXY_WORKERS: String(count) });
        const uids = await smallFiles(osproxy, source, bytes, files);
        const paths = workspace.file(`${name}.paths`);
        writeFileSync(paths, `${(await downloadLinks(osproxy, uids)).join('\n')}\n`);
        const load = { url: osproxy.url, connections, seconds, script: 'get-paths', env: { PATHS: paths } };
        contenders.push({
          name: `${size}, ${count} process${count === 1 ? '' : 'es'}`,
          measure: () => wrk(load),
        });
      }
    }
    const all = await measureRounds(contenders, rounds);
    printSeries(all, PER_SECOND);
    const [smallOne, smallMany, largeOne, largeMany] = all as [Series, Series, Series, Series];
    printRatios(
      [
        { subject: smallMany, reference: smallOne },
        { subject: largeMany, reference: largeOne },
      ],
      PER_SECOND,
    );
    console.log('wrk itself needs a processor or two: the ratio falls where there are not enough for both.');
  },
});

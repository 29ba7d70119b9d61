import { writeFileSync } from 'node:fs';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { GIB, KIB, makeSource, settleDisk } from './harness/files.ts';
import { type Osproxy, startOsproxy } from './harness/osproxy.ts';
import { PER_SECOND, printRatios, printSeries } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';
import type { Contender } from './harness/series.ts';
import { downloadLinks, smallFiles } from './harness/small-files.ts';
import { wrk } from './harness/wrk.ts';

const { rounds, seconds, connections, files } = numbers({
  ...{ rounds: 7, seconds: 3, connections: 32, files: 500 },
});

await benchmark({
  title: `usage: uploads and downloads of 4 KiB with usage counted and not, ${connections} connections, by wrk`,
  diskBytes: 4 * GIB,
  run: async (workspace) => {
    const counted = await startOsproxy(workspace.folder('counted'));
    const plain = await startOsproxy(workspace.folder('plain'), { OSPROXY_USAGE_ENABLED: 'false' });
    const source = workspace.file('source.bin');
    await makeSource(source, 4 * KIB);
    const download = async (name: string, osproxy: Osproxy): Promise<Contender> => {
      const links = await downloadLinks(osproxy, await smallFiles(osproxy, source, 4 * KIB, files));
      const paths = workspace.file(`${name}.paths`);
      writeFileSync(paths, `${links.join('\n')}\n`);
      const load = { url: osproxy.url, connections, seconds, script: 'get-paths', env: { PATHS: paths } };
      return { name: `downloads, ${name}`, measure: () => wrk(load) };
    };
    const upload = (name: string, osproxy: Osproxy): Contender => ({
      name: `uploads, ${name}`,
      measure: async (round) => {
        const { authorization: AUTHORIZATION } = osproxy;
        const env = { SEED: `round${round}`, PREFIX: '/api/v1/files/', AUTHORIZATION };
        const rate = await wrk({ url: osproxy.url, connections, seconds, script: 'put-files', env });
        await osproxy.dropBytes();
        await settleDisk(workspace.path);
        return rate;
      },
    });
    const read = await measureRounds(
      [await download('not counted', plain), await download('counted', counted)],
      rounds,
    );
    const written = await measureRounds([upload('not counted', plain), upload('counted', counted)], rounds);
    const [readPlain, readCounted] = read;
    const [writtenPlain, writtenCounted] = written;
    if (!readPlain || !readCounted || !writtenPlain || !writtenCounted) return;
    printSeries([...read, ...written], PER_SECOND);
    printRatios(
      [
        { subject: readCounted, reference: readPlain, aim: 'aim ≥ 0.95' },
        { subject: writtenCounted, reference: writtenPlain, aim: 'aim ≥ 0.95' },
      ],
      PER_SECOND,
    );
  },
});

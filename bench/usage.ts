import { writeFileSync } from 'node:fs';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { GIB, KIB, makeSource, settleDisk } from './harness/files.ts';
import { median } from './harness/median.ts';
import { type Osproxy, startOsproxy } from './harness/osproxy.ts';
import { processorTimes } from './harness/processor.ts';
import { PER_SECOND, printRatios, printSeries } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';
import type { Contender, Series } from './harness/series.ts';
import { downloadLinks, smallFiles } from './harness/small-files.ts';
import { wrk } from './harness/wrk.ts';

const { rounds, seconds, connections, files } = numbers({
  ...{ rounds: 7, seconds: 3, connections: 32, files: 500 },
});

/** Also notes how many requests the server answers in a second of processor time, which depends little on what else the machine does. */
function watched(contender: Contender, { pid }: Osproxy, noted: Series[]): Contender {
  const values: number[] = [];
  const name = `${contender.name}, per second of processor`;
  return {
    ...contender,
    measure: async (round) => {
      const before = processorTimes(pid).own;
      const rate = await contender.measure(round);
      if (round > 0) values.push((rate * seconds) / (processorTimes(pid).own - before));
      if (round === rounds)
        noted.push({
          name,
          values,
          median: median(values),
          least: Math.min(...values),
          most: Math.max(...values),
        });
      return rate;
    },
  };
}

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
    const noted: Series[] = [];
    const read = await measureRounds(
      [
        watched(await download('not counted', plain), plain, noted),
        watched(await download('counted', counted), counted, noted),
      ],
      rounds,
    );
    const written = await measureRounds(
      [
        watched(upload('not counted', plain), plain, noted),
        watched(upload('counted', counted), counted, noted),
      ],
      rounds,
    );
    // Every other round goes backwards, and so may the notes.
    noted.sort((a, b) => (a.name < b.name ? -1 : 1));
    const all = [...read, ...written, ...noted];
    const of = (name: string) => all.find((one) => one.name === name);
    printSeries(all, PER_SECOND);
    for (const what of ['downloads', 'uploads']) {
      for (const how of ['', ', per second of processor']) {
        const [subject, reference] = [of(`${what}, counted${how}`), of(`${what}, not counted${how}`)];
        if (subject && reference) printRatios([{ subject, reference, aim: 'aim ≥ 0.95' }], PER_SECOND);
      }
    }
  },
});

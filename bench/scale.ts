import { once } from 'node:events';
import { statSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { evict, GIB, KIB, MIB, settleDisk } from './harness/files.ts';
import { BENCH_NODE, fillRecords } from './harness/many-records.ts';
import { median } from './harness/median.ts';
import { type Osproxy, startOsproxy } from './harness/osproxy.ts';
import { type Measure, printRatios, printSeries } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';
import type { Contender, Series } from './harness/series.ts';
import { downloadLinks } from './harness/small-files.ts';
import type { Workspace } from './harness/workspace.ts';

const { rounds, few, many, links } = numbers({ rounds: 5, few: 1000, many: 1_000_000, links: 80 });

const MILLISECONDS: Measure = { unit: 'ms', digits: 3, lessIsBetter: true };

interface Table {
  readonly count: number;
  readonly osproxy: Osproxy;
  readonly links: readonly string[];
  readonly database: string;
}

await benchmark({
  title: `scale: time to the first byte of a link download with ${many} files in the table against ${few}`,
  diskBytes: Math.ceil(many * 2.5 * KIB) + GIB,
  run: async (workspace) => {
    const [small, large] = [await open(workspace, few), await open(workspace, many)];
    const contenders: Contender[] = [false, true].flatMap((cold) =>
      [small, large].map((table) => ({
        name: `${table.count} files${cold ? ', database not in memory' : ''}`,
        measure: (round) => firstByte(table, round, cold),
      })),
    );
    const [fewWarm, manyWarm, fewCold, manyCold] = await measureRounds(contenders, rounds);
    if (!fewWarm || !manyWarm || !fewCold || !manyCold) return;
    printSeries([fewWarm, manyWarm, fewCold, manyCold], MILLISECONDS);
    const aim = 'aim ≥ 0.67: at most 1.5 times the time';
    const compare = (subject: Series, reference: Series, text: string) => ({ subject, reference, aim: text });
    printRatios([compare(manyWarm, fewWarm, aim), compare(manyCold, fewCold, '')], MILLISECONDS);
    console.log(`Each link is used once; a figure is the median of ${links} downloads one after another.`);
  },
});

/** The service over a new table; it was started again after the links were made, so that it remembers none of them. */
async function open(workspace: Workspace, count: number): Promise<Table> {
  const dataDir = workspace.folder(`files-${count}`);
  const start = performance.now();
  const uids = await fillRecords(dataDir, count, Math.min(count, (rounds + 1) * 2 * links));
  const database = join(dataDir, 'osproxy.db');
  const size = (statSync(database).size / MIB).toFixed(0);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${count} files of ${uids.length} with bytes: database of ${size} MiB, filled in ${seconds} s`);
  const env = { OSPROXY_NODE_ID: BENCH_NODE };
  const first = await startOsproxy(dataDir, env);
  const made = await downloadLinks(first, uids);
  await first.stop();
  await settleDisk(database);
  return { count, osproxy: await startOsproxy(dataDir, env), links: made, database };
}

/** Median milliseconds; neighbouring rounds take links from all over the table. */
async function firstByte(table: Table, round: number, cold: boolean): Promise<number> {
  if (cold) await evict(table.database);
  const step = (rounds + 1) * 2;
  const offset = round * 2 + Number(cold);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times: number[] = [];
  try {
    await timeTo(agent, `${table.osproxy.url}/api/storage/v0/health`);
    for (let index = offset; index < table.links.length; index += step) {
      times.push(await timeTo(agent, `${table.osproxy.url}${table.links[index]}`));
    }
  } finally {
    agent.destroy();
  }
  return median(times);
}

/** Milliseconds from sending the request to the first byte of the body. */
async function timeTo(agent: Agent, url: string): Promise<number> {
  const start = performance.now();
  const sent = request(url, { agent }).end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}`);
  await once(answer, 'readable');
  const time = performance.now() - start;
  answer.resume();
  await once(answer, 'end');
  return time;
}

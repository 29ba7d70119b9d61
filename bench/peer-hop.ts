import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { curlDownload, curlUpload } from './harness/curl.ts';
import { GIB, KIB, MIB, makeSource } from './harness/files.ts';
import { type Osproxy, startOsproxy } from './harness/osproxy.ts';
import { PER_SECOND, printRatios, printSeries, secondsFor } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';
import type { Contender, Series } from './harness/series.ts';
import { allUids, downloadLinks, smallFiles } from './harness/small-files.ts';
import type { Workspace } from './harness/workspace.ts';
import { wrk } from './harness/wrk.ts';

const { rounds, mib, seconds, connections, files } = numbers({
  rounds: 5,
  mib: 1024,
  seconds: 4,
  connections: 32,
  files: 1000,
});
const SIZES = [4 * KIB, 64 * KIB, 1024 * KIB];
const JOINED_WITHIN_MS = 30_000;
const AIM = 'aim ≥ 0.7';

await benchmark({
  title: `peer-hop: reading from the node that has the bytes and through another one, ${mib} MiB by curl and small files by wrk with ${connections} connections`,
  diskBytes: 2 * mib * MIB + 2 * files * 1024 * KIB + GIB,
  run: async (workspace) => {
    const [owner, other] = await twoNodes(workspace);
    const large = await largeReads(workspace, owner, other);
    const measure = secondsFor(mib * MIB);
    const pair = await measureRounds(large, rounds);
    printSeries(pair, measure);
    printRatios(comparisons(pair), measure);

    const small: Contender[] = [];
    for (const bytes of SIZES) small.push(...(await smallReads(workspace, owner, other, bytes)));
    const all = await measureRounds(small, rounds);
    printSeries(all, PER_SECOND);
    printRatios(comparisons(all), PER_SECOND);
    console.log(
      'Both nodes, and the client, share the processors: a hop uses those of two machines elsewhere.',
    );
  },
});

/** Two nodes on one database, each with a store that only it can read; resolves when they know of each other. */
async function twoNodes(workspace: Workspace): Promise<[Osproxy, Osproxy]> {
  const env = {
    OSPROXY_CLUSTER_SECRET: 'bench-cluster-secret-0123456789abcdef',
    OSPROXY_DATABASE_URL: `sqlite:${workspace.file('shared.db')}`,
  };
  const start = (id: string) => startOsproxy(workspace.folder(id), { ...env, OSPROXY_NODE_ID: id });
  const nodes: [Osproxy, Osproxy] = [await start('owner'), await start('other')];
  const deadline = performance.now() + JOINED_WITHIN_MS;
  for (const node of nodes) {
    for (;;) {
      type Cluster = { nodes: { state: string }[] };
      const cluster = await node.json<Cluster>('GET', '/api/v1/cluster');
      if (cluster.nodes.filter(({ state }) => state === 'alive').length === nodes.length) break;
      if (performance.now() > deadline) throw new Error('The two nodes did not find each other.');
      await sleep(100);
    }
  }
  return nodes;
}

async function largeReads(workspace: Workspace, owner: Osproxy, other: Osproxy): Promise<Contender[]> {
  const bytes = mib * MIB;
  const source = workspace.file('source.bin');
  await makeSource(source, bytes);
  const headers = { authorization: owner.authorization };
  await curlUpload(source, `${owner.url}/api/v1/files/file.bin`, headers);
  const [uid] = await allUids(owner);
  const read = ({ url }: Osproxy) => curlDownload(`${url}/api/v1/files/${uid}/content`, bytes, headers);
  return [
    { name: `${mib} MiB, local`, measure: () => read(owner) },
    { name: `${mib} MiB, through the other node`, measure: () => read(other) },
  ];
}

async function smallReads(
  workspace: Workspace,
  owner: Osproxy,
  other: Osproxy,
  bytes: number,
): Promise<Contender[]> {
  const source = workspace.file(`source-${bytes}.bin`);
  await makeSource(source, bytes);
  const known = new Set(await allUids(owner));
  const uids = (await smallFiles(owner, source, bytes, files)).filter((uid) => !known.has(uid));
  const paths = workspace.file(`${bytes}.paths`);
  writeFileSync(paths, `${(await downloadLinks(owner, uids)).join('\n')}\n`);
  const read = ({ url }: Osproxy) =>
    wrk({ url, connections, seconds, script: 'get-paths', env: { PATHS: paths } });
  return [
    { name: `${bytes / KIB} KiB, local`, measure: () => read(owner) },
    { name: `${bytes / KIB} KiB, through the other node`, measure: () => read(other) },
  ];
}

/** Each second series against the one before it. */
function comparisons(all: readonly Series[]): { subject: Series; reference: Series; aim: string }[] {
  return all.flatMap((subject, index) => {
    const reference = index % 2 === 1 ? all[index - 1] : undefined;
    return reference === undefined ? [] : [{ subject, reference, aim: AIM }];
  });
}

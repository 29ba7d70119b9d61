import { writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { type Ceph, startCeph, storeSettings } from './harness/ceph.ts';
import { GIB, KIB, makeSource } from './harness/files.ts';
import { getWhole } from './harness/get-whole.ts';
import { median } from './harness/median.ts';
import { type Osproxy, startOsproxy } from './harness/osproxy.ts';
import { PER_SECOND, printRatios, printSeries } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';
import { sdkClient } from './harness/sdk-client.ts';
import { sdk } from './harness/sdk-job.ts';
import type { Contender } from './harness/series.ts';
import { downloadLinks, smallFiles } from './harness/small-files.ts';
import type { Workspace } from './harness/workspace.ts';
import { wrk } from './harness/wrk.ts';

const { rounds, seconds, connections, files, times } = numbers({
  rounds: 5,
  seconds: 4,
  connections: 32,
  files: 2000,
  times: 300,
});
const BYTES = 4 * KIB;
const AIM = 'aim ≥ 0.85';

await benchmark({
  title: `s3-small: 4 KiB to and from a Ceph gateway in memory, by wrk through osproxy and by the AWS SDK straight`,
  diskBytes: GIB,
  run: async (workspace) => {
    const ceph = await startCeph(workspace, 8 * GIB);
    const osproxy = await startOsproxy(workspace.folder('osproxy'), storeSettings(ceph.place));
    const { links, keys } = await storeFiles(workspace, osproxy, ceph);
    const paths = workspace.file('links');
    writeFileSync(paths, `${links.join('\n')}\n`);

    for (const lanes of [1, connections]) {
      const [put, sdkPut, get, sdkGet] = await measureRounds(
        contenders(osproxy, ceph, lanes, paths, keys),
        rounds,
      );
      if (!put || !sdkPut || !get || !sdkGet) return;
      printSeries([put, sdkPut, get, sdkGet], PER_SECOND);
      printRatios(
        [
          { subject: put, reference: sdkPut, aim: AIM },
          { subject: get, reference: sdkGet, aim: AIM },
        ],
        PER_SECOND,
      );
    }
    await latency(osproxy, ceph, links, keys);
    console.log('osproxy reads every file from the gateway: its cache of small files is switched off.');
  },
});

function contenders(
  osproxy: Osproxy,
  { place }: Ceph,
  lanes: number,
  paths: string,
  keys: readonly string[],
): Contender[] {
  const load = { url: osproxy.url, connections: lanes, seconds };
  const many = lanes === 1 ? '1 connection' : `${lanes} connections`;
  return [
    {
      name: `osproxy PUT, ${many}`,
      measure: (round) => {
        const env = {
          SEED: `${lanes}-${round}`,
          PREFIX: '/api/v1/files/',
          AUTHORIZATION: osproxy.authorization,
        };
        return wrk({ ...load, script: 'put-files', env });
      },
    },
    {
      name: `SDK PutObject, ${many}`,
      measure: (round) =>
        sdk({
          kind: 'put-many',
          place,
          prefix: `direct/${lanes}-${round}/`,
          bytes: BYTES,
          connections: lanes,
          seconds,
        }),
    },
    {
      name: `osproxy GET, ${many}`,
      measure: () => wrk({ ...load, script: 'get-paths', env: { PATHS: paths } }),
    },
    {
      name: `SDK GetObject, ${many}`,
      measure: () => sdk({ kind: 'get-many', place, keys, connections: lanes, seconds }),
    },
  ];
}

/** One GET at a time; what osproxy adds is the difference of the medians of one round. */
async function latency(osproxy: Osproxy, { place }: Ceph, links: readonly string[], keys: readonly string[]) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const client = sdkClient(place);
  const each = (get: (index: number) => Promise<unknown>) => async (round: number) => {
    const taken: number[] = [];
    for (let index = 0; index < times; index += 1) {
      const start = performance.now();
      await get(round * times + index);
      taken.push(performance.now() - start);
    }
    return median(taken);
  };
  const one = (list: readonly string[], index: number) => list[index % list.length] ?? '';
  try {
    const [ours, straight] = await measureRounds(
      [
        {
          name: 'osproxy GET, one at a time',
          measure: each((index) => getWhole(`${osproxy.url}${one(links, index)}`, agent)),
        },
        {
          name: 'SDK GetObject, one at a time',
          measure: each(async (index) => {
            const { Body } = await client.send(
              new GetObjectCommand({ Bucket: place.bucket, Key: one(keys, index) }),
            );
            await Body?.transformToByteArray();
          }),
        },
      ],
      rounds,
    );
    if (!ours || !straight) return;
    printSeries([ours, straight], { unit: 'ms', digits: 2, lessIsBetter: true });
    const added = median(ours.values.map((value, round) => value - (straight.values[round] ?? Number.NaN)));
    console.log(`added median latency of a small GET: ${added.toFixed(2)} ms (aim ≤ 3 ms)`);
  } finally {
    agent.destroy();
    client.destroy();
  }
}

/** Signed links through osproxy, and the names of the same objects in the bucket. */
async function storeFiles(
  workspace: Workspace,
  osproxy: Osproxy,
  ceph: Ceph,
): Promise<{ links: string[]; keys: string[] }> {
  const source = workspace.file('source.bin');
  await makeSource(source, BYTES);
  const links = await downloadLinks(osproxy, await smallFiles(osproxy, source, BYTES, files));
  return { links, keys: await ceph.objects() };
}

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { numbers } from './harness/arguments.ts';
import { startBareNode } from './harness/bare-node.ts';
import { benchmark } from './harness/benchmark.ts';
import { ddReference } from './harness/dd.ts';
import { GIB, MIB, makeSource, secondsOfMd5, settleDisk, warmCache } from './harness/files.ts';
import { startNginx } from './harness/nginx.ts';
import { startOsproxy } from './harness/osproxy.ts';
import { withProcessorTime } from './harness/processor.ts';
import { printUpload } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';
import type { Contender } from './harness/series.ts';
import { transfer } from './harness/transfer-job.ts';

const { rounds, parts, partMib, atOnce } = numbers({ rounds: 5, parts: 128, partMib: 8, atOnce: 4 });
const bytes = parts * partMib * MIB;

await benchmark({
  title: `upload-parts: ${parts} parts of ${partMib} MiB, ${atOnce} at a time, from creating the upload to its completion`,
  diskBytes: 5 * bytes + GIB,
  run: async (workspace) => {
    const source = workspace.file('source.bin');
    await makeSource(source, bytes);
    const nginx = await startNginx(workspace.folder('nginx'));
    const osproxy = await startOsproxy(workspace.folder('osproxy'));
    const bare = await startBareNode();
    const headers = { authorization: osproxy.authorization };
    const body = { file: source, fileBytes: bytes, bytes: partMib * MIB };
    const send = (address: (part: number) => string) => {
      const urls = Array.from({ length: parts }, (_, index) => address(index + 1));
      return transfer({ method: 'PUT', urls, headers, concurrency: atOnce, body });
    };

    const nginxPut = withProcessorTime(
      {
        name: 'nginx dav PUT, no sync',
        measure: async () => {
          const seconds = await send((part) => `${nginx.url}/parts/${part}`);
          await rm(join(nginx.root, 'parts'), { recursive: true });
          await settleDisk(source);
          return seconds;
        },
      },
      nginx.pid,
    );
    const osproxyPut = withProcessorTime(
      {
        name: 'osproxy parts',
        measure: async (round) => {
          const start = performance.now();
          const wanted = { name: `file-${round}.bin`, size: bytes };
          const { uid } = await osproxy.json<{ uid: string }>('POST', '/api/v1/uploads', wanted);
          const created = performance.now();
          const sending = await send((part) => `${osproxy.url}/api/v1/uploads/${uid}/parts/${part}`);
          const sent = performance.now();
          await osproxy.json('POST', `/api/v1/uploads/${uid}/complete`, { parts, size: bytes });
          const ended = performance.now();
          await osproxy.quiet();
          await osproxy.dropBytes();
          await settleDisk(source);
          return sending + (created - start + ended - sent) / 1000;
        },
      },
      osproxy.pid,
    );
    const contenders: Contender[] = [
      ddReference(source, workspace.file('dd.bin'), `${partMib}M`),
      nginxPut.contender,
      osproxyPut.contender,
      { name: 'MD5 alone, one core', measure: async () => secondsOfMd5(bytes) },
      { name: 'node:http, discards', measure: () => send((part) => `${bare}/parts/${part}`) },
    ];
    const [dd, nginxSeries, ours, md5, discards] = await measureRounds(contenders, rounds, () =>
      warmCache(workspace.file('warm.bin'), bytes),
    );
    if (!dd || !nginxSeries || !ours || !md5 || !discards) return;
    printUpload(
      { ours, dd, nginx: nginxSeries, md5, discards },
      bytes,
      'parts hash side by side: may pass 1',
    );
    console.log(`${nginxPut.report()}\n${osproxyPut.report()}`);
    console.log(
      'That of osproxy includes verifying the whole in the background afterwards, which its time does not.',
    );
  },
});

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { numbers } from './harness/arguments.ts';
import { startBareNode } from './harness/bare-node.ts';
import { benchmark } from './harness/benchmark.ts';
import { curlUpload } from './harness/curl.ts';
import { ddReference } from './harness/dd.ts';
import {
  digestHeaders,
  freshen,
  GIB,
  MIB,
  makeSource,
  secondsOfMd5,
  settleDisk,
  warmCache,
} from './harness/files.ts';
import { startNginx } from './harness/nginx.ts';
import { startOsproxy } from './harness/osproxy.ts';
import { withProcessorTime } from './harness/processor.ts';
import { printUpload } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';
import type { Contender } from './harness/series.ts';

const { rounds, mib } = numbers({ rounds: 5, mib: 1024 });
const bytes = mib * MIB;

await benchmark({
  title: `upload-large: one durable upload of ${mib} MiB, MD5 and SHA-256 declared and checked, by curl -T`,
  diskBytes: 5 * bytes + GIB,
  run: async (workspace) => {
    const source = workspace.file('source.bin');
    await makeSource(source, bytes);
    const nginx = await startNginx(workspace.folder('nginx'));
    const osproxy = await startOsproxy(workspace.folder('osproxy'));
    const bare = await startBareNode();

    const nginxPut = withProcessorTime(
      {
        name: 'nginx dav PUT, no sync',
        measure: async () => {
          const seconds = await curlUpload(source, `${nginx.url}/file.bin`);
          await rm(join(nginx.root, 'file.bin'));
          await settleDisk(source);
          return seconds;
        },
      },
      nginx.pid,
    );
    let headers: Record<string, string> = {};
    const osproxyPut = withProcessorTime(
      {
        name: 'osproxy PUT',
        prepare: async () => {
          freshen(source);
          headers = { ...digestHeaders(source), authorization: osproxy.authorization };
        },
        measure: async (round) => {
          const seconds = await curlUpload(source, `${osproxy.url}/api/v1/files/file-${round}.bin`, headers);
          await osproxy.dropBytes();
          await settleDisk(source);
          return seconds;
        },
      },
      osproxy.pid,
    );
    const contenders: Contender[] = [
      ddReference(source, workspace.file('dd.bin'), '1M'),
      nginxPut.contender,
      osproxyPut.contender,
      { name: 'MD5 alone, one core', measure: async () => secondsOfMd5(bytes) },
      { name: 'node:http, discards', measure: () => curlUpload(source, `${bare}/file.bin`) },
    ];
    const [dd, nginxSeries, ours, md5, discards] = await measureRounds(contenders, rounds, () =>
      warmCache(workspace.file('warm.bin'), bytes),
    );
    if (!dd || !nginxSeries || !ours || !md5 || !discards) return;
    printUpload(
      { ours, dd, nginx: nginxSeries, md5, discards },
      bytes,
      '1 is the ceiling: MD5 is sequential',
    );
    console.log(`${nginxPut.report()}\n${osproxyPut.report()}`);
  },
});

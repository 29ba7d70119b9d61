import { linkSync } from 'node:fs';
import { join } from 'node:path';
import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { curlDownload, curlUpload } from './harness/curl.ts';
import { GIB, MIB, makeSource } from './harness/files.ts';
import { startNginx } from './harness/nginx.ts';
import { startOsproxy } from './harness/osproxy.ts';
import { withProcessorTime } from './harness/processor.ts';
import { printRatios, printSeries, secondsFor } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';

const { rounds, mib } = numbers({ rounds: 7, mib: 1024 });
const bytes = mib * MIB;

await benchmark({
  title: `download-large: one download of ${mib} MiB that is in the system's memory, by curl`,
  diskBytes: 2 * bytes + GIB,
  run: async (workspace) => {
    const source = workspace.file('source.bin');
    await makeSource(source, bytes);
    const nginx = await startNginx(workspace.folder('nginx'));
    linkSync(source, join(nginx.root, 'file.bin'));
    const osproxy = await startOsproxy(workspace.folder('osproxy'));
    const headers = { authorization: osproxy.authorization };
    await curlUpload(source, `${osproxy.url}/api/v1/files/file.bin`, headers);
    const { files } = await osproxy.json<{ files: { uid: string }[] }>('GET', '/api/v1/files');
    const content = `${osproxy.url}/api/v1/files/${files[0]?.uid}/content`;

    const nginxGet = withProcessorTime(
      { name: 'nginx sendfile', measure: () => curlDownload(`${nginx.url}/file.bin`, bytes) },
      nginx.pid,
    );
    const osproxyGet = withProcessorTime(
      { name: 'osproxy GET', measure: () => curlDownload(content, bytes, headers) },
      osproxy.pid,
    );
    const [sendfile, ours] = await measureRounds([nginxGet.contender, osproxyGet.contender], rounds);
    if (!sendfile || !ours) return;
    printSeries([sendfile, ours], secondsFor(bytes));
    const aim = 'aim ≥ 0.9, at least 0.5';
    printRatios([{ subject: ours, reference: sendfile, aim }], secondsFor(bytes));
    console.log(`${nginxGet.report()}\n${osproxyGet.report()}`);
  },
});

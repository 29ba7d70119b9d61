import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { numbers } from './harness/arguments.ts';
import { startBareNode } from './harness/bare-node.ts';
import { benchmark } from './harness/benchmark.ts';
import { GIB, KIB, makeSource } from './harness/files.ts';
import { startNginx } from './harness/nginx.ts';
import { type Osproxy, startOsproxy } from './harness/osproxy.ts';
import { PER_SECOND, printRatios, printSeries } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';
import type { Contender } from './harness/series.ts';
import { downloadLinks, smallFiles } from './harness/small-files.ts';
import type { Workspace } from './harness/workspace.ts';
import { wrk } from './harness/wrk.ts';

const { rounds, seconds, connections, few, many } = numbers({
  rounds: 5,
  seconds: 4,
  connections: 32,
  few: 1000,
  many: 20_000,
});

await benchmark({
  title: `download-small: files of 4 KiB through signed v0 links, ${connections} connections, ${seconds} s a round, by wrk`,
  diskBytes: 2 * GIB,
  run: async (workspace) => {
    const bare = await startBareNode();
    const nginx = await startNginx(workspace.folder('nginx'));
    const osproxy = await startOsproxy(workspace.folder('osproxy'));
    const links = await storeFiles(workspace, osproxy);
    const statics = storeStatics(nginx.root);
    const pathFile = (name: string, paths: readonly string[]) => {
      writeFileSync(workspace.file(name), `${paths.join('\n')}\n`);
      return workspace.file(name);
    };
    const get = (url: string, paths: string) => {
      const load = { url, connections, seconds, script: 'get-paths', env: { PATHS: paths } };
      return () => wrk(load);
    };

    const contenders: Contender[] = [
      { name: 'node:http from memory', measure: get(bare, pathFile('bare', ['/'])) },
      { name: 'nginx static', measure: get(nginx.url, pathFile('static', statics)) },
      {
        name: `osproxy, ${few} files in its caches`,
        measure: get(osproxy.url, pathFile('few', links.slice(0, few))),
      },
      { name: `osproxy, ${many} files, past its caches`, measure: get(osproxy.url, pathFile('many', links)) },
    ];
    const [node, files, cached, past] = await measureRounds(contenders, rounds);
    if (!node || !files || !cached || !past) return;
    printSeries([node, files, cached, past], PER_SECOND);
    printRatios(
      [
        { subject: cached, reference: node, aim: 'aim ≥ 0.4, at least 0.2' },
        { subject: cached, reference: files },
        { subject: past, reference: node, aim: 'aim ≥ 0.4, at least 0.2' },
        { subject: past, reference: files },
      ],
      PER_SECOND,
    );
    console.log('osproxy writes its access log, as it does by default; the others write none.');
  },
});

/** Signed links of that many different files. */
async function storeFiles(workspace: Workspace, osproxy: Osproxy): Promise<string[]> {
  const source = workspace.file('source.bin');
  await makeSource(source, 4 * KIB);
  const uids = await smallFiles(osproxy, source, 4 * KIB, many);
  return downloadLinks(osproxy, uids);
}

function storeStatics(root: string): string[] {
  mkdirSync(join(root, 'small'));
  const body = Buffer.alloc(4 * KIB, 'x');
  return Array.from({ length: few }, (_, index) => {
    writeFileSync(join(root, 'small', `${index}.bin`), body);
    return `/small/${index}.bin`;
  });
}

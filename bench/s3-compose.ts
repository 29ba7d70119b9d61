import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { startCeph, storeSettings } from './harness/ceph.ts';
import { type Passed, startCountingProxy } from './harness/counting-proxy.ts';
import { freshen, GIB, MIB, makeSource } from './harness/files.ts';
import { median } from './harness/median.ts';
import { startOsproxy } from './harness/osproxy.ts';
import { stopLater } from './harness/processes.ts';
import { printTable } from './harness/report.ts';
import { showProgress } from './harness/rounds.ts';
import { transfer } from './harness/transfer-job.ts';

const { rounds, parts, partMib } = numbers({ rounds: 5, parts: 32, partMib: 8 });
const bytes = parts * partMib * MIB;

await benchmark({
  title: `s3-compose: what osproxy reads of ${parts} parts of ${partMib} MiB that a Ceph gateway joins, counted between the two`,
  diskBytes: bytes + GIB,
  run: async (workspace) => {
    const source = workspace.file('source.bin');
    await makeSource(source, bytes);
    const ceph = await startCeph(workspace, 3 * bytes + GIB);
    const proxy = await startCountingProxy(ceph.place.endpoint);
    stopLater(proxy.close);
    const place = { ...ceph.place, endpoint: proxy.endpoint };
    const osproxy = await startOsproxy(workspace.folder('osproxy'), storeSettings(place));
    const figures: { verified: number; joined: number; copies: number; answers: number }[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      freshen(source);
      const wanted = { name: `${round}.bin`, size: bytes };
      const { uid } = await osproxy.json<{ uid: string }>('POST', '/api/v1/uploads', wanted);
      await transfer({
        method: 'PUT',
        urls: Array.from(
          { length: parts },
          (_, index) => `${osproxy.url}/api/v1/uploads/${uid}/parts/${index + 1}`,
        ),
        headers: { authorization: osproxy.authorization },
        concurrency: 4,
        body: { file: source, fileBytes: bytes, bytes: partMib * MIB },
      });
      proxy.take();
      await osproxy.json('POST', `/api/v1/uploads/${uid}/complete`, { parts, size: bytes });
      await osproxy.quiet();
      figures.push(split(proxy.take()));
      await ceph.empty();
      showProgress(`round ${round} of ${rounds}`);
    }
    const of = (value: (one: (typeof figures)[number]) => number) => median(figures.map(value)).toFixed(0);
    const most = (value: (one: (typeof figures)[number]) => number) =>
      Math.max(...figures.map(value)).toFixed(0);
    printTable(
      ['per file', 'median', 'most'],
      [
        ['bytes of objects read while joining (aim 0)', of((one) => one.joined), most((one) => one.joined)],
        ['requests that copy inside the store', of((one) => one.copies), most((one) => one.copies)],
        ['bytes of XML answered while joining', of((one) => one.answers), most((one) => one.answers)],
        ['bytes of objects read before, to verify', of((one) => one.verified), most((one) => one.verified)],
      ],
    );
    console.log(
      `The file has ${bytes} bytes. It is read once to learn the SHA-256 of the whole, which the store does not know; joining reads nothing.`,
    );
  },
});

/** What came before the first copy was verification; from there on the parts are joined. */
function split(passed: readonly Passed[]) {
  const first = passed.findIndex(({ kind }) => kind === 'copy');
  if (first < 0) throw new Error('the store was not asked to join anything');
  const read = (some: readonly Passed[]) =>
    some.filter(({ kind }) => kind === 'read').reduce((sum, { bodyDown }) => sum + bodyDown, 0);
  const joining = passed.slice(first);
  return {
    verified: read(passed.slice(0, first)),
    joined: read(joining),
    copies: joining.filter(({ kind }) => kind === 'copy').length,
    answers: joining.filter(({ kind }) => kind !== 'read').reduce((sum, { bodyDown }) => sum + bodyDown, 0),
  };
}

import { numbers } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { startCeph, storeSettings } from './harness/ceph.ts';
import { curlDownload, curlUpload } from './harness/curl.ts';
import { freshen, GIB, MIB, makeSource, secondsOfMd5 } from './harness/files.ts';
import { startOsproxy } from './harness/osproxy.ts';
import { withProcessorTime } from './harness/processor.ts';
import { printRatios, printSeries, secondsFor } from './harness/report.ts';
import { measureRounds } from './harness/rounds.ts';
import { sdk } from './harness/sdk-job.ts';

const { rounds, mib } = numbers({ rounds: 5, mib: 1024 });
const bytes = mib * MIB;
const AIM = 'aim ≥ 0.85';

await benchmark({
  title: `s3-large: ${mib} MiB to and from a Ceph gateway in memory, by curl through osproxy and by the AWS SDK straight`,
  diskBytes: bytes + GIB,
  run: async (workspace) => {
    const source = workspace.file('source.bin');
    await makeSource(source, bytes);
    const ceph = await startCeph(workspace, 3 * bytes + GIB);
    const { place } = ceph;
    const osproxy = await startOsproxy(workspace.folder('osproxy'), storeSettings(place));
    const headers = { authorization: osproxy.authorization };

    const ours = withProcessorTime(
      {
        name: 'osproxy PUT',
        prepare: async () => freshen(source),
        measure: async (round) => {
          const seconds = await curlUpload(source, `${osproxy.url}/api/v1/files/${round}.bin`, headers);
          await ceph.empty();
          return seconds;
        },
      },
      osproxy.pid,
    );
    const straight = async () => {
      const seconds = await sdk({
        kind: 'upload',
        place,
        key: 'direct',
        file: source,
        partBytes: 8 * MIB,
        atOnce: 4,
      });
      await ceph.empty();
      return seconds;
    };
    const [put, sdkPut, md5] = await measureRounds(
      [
        ours.contender,
        { name: 'SDK, parts of 8 MiB, 4 at once', measure: straight },
        { name: 'MD5 alone, one core', measure: async () => secondsOfMd5(bytes) },
      ],
      rounds,
    );

    const stored = await curlUpload(source, `${osproxy.url}/api/v1/files/kept.bin`, headers);
    console.log(`stored for the downloads in ${stored.toFixed(2)} s`);
    const { files } = await osproxy.json<{ files: { uid: string }[] }>('GET', '/api/v1/files?limit=1');
    const content = `${osproxy.url}/api/v1/files/${files[0]?.uid}/content`;
    const [key = ''] = await ceph.objects();
    const reading = withProcessorTime(
      { name: 'osproxy GET', measure: () => curlDownload(content, bytes, headers) },
      osproxy.pid,
    );
    const [get, sdkGet] = await measureRounds(
      [reading.contender, { name: 'SDK GetObject', measure: () => sdk({ kind: 'download', place, key }) }],
      rounds,
    );
    if (!put || !sdkPut || !md5 || !get || !sdkGet) return;
    const measure = secondsFor(bytes);
    printSeries([put, sdkPut, md5, get, sdkGet], measure);
    printRatios(
      [
        { subject: put, reference: sdkPut, aim: AIM },
        { subject: put, reference: md5, aim: '1 is the ceiling: MD5 is sequential' },
        { subject: get, reference: sdkGet, aim: AIM },
      ],
      measure,
    );
    console.log(`${ours.report()}\n${reading.report()}`);
  },
});

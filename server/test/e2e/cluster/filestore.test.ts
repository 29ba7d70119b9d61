import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FilestoreClient, type Parts, type Record, sha1 } from '../filestore/client.ts';
import { signUp } from '../people.ts';
import { startCluster, type TestCluster } from './nodes.ts';

const MIB = 1 << 20;

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster(2, { OSPROXY_UPLOADS_PART_SIZE_MIB: '1' });
}, 90_000);
afterAll(async () => {
  await cluster?.close();
}, 60_000);

it('an upload of the filestore wire begins at one node, gets its parts at both and ends at the other', async () => {
  const [one, two] = cluster.nodes;
  if (one === undefined || two === undefined) throw new Error('there are no nodes');
  const person = await signUp(one.service, 'alice');
  person.client.close();
  const [first, second] = [new FilestoreClient(one, person), new FilestoreClient(two, person)];
  const bytes = randomBytes(4 * MIB);
  const facts = { filehash: sha1(bytes), filesize: bytes.length };
  const { uploadId } = (await first.post<Parts>('/file/mpupload/init', facts)).data;
  const sent = [0, 1, 2, 3].map((n) =>
    (n % 2 === 0 ? first : second).part(uploadId, n, bytes.subarray(n * MIB, (n + 1) * MIB)),
  );
  expect((await Promise.all(sent)).map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  const again = await second.post<Parts>('/file/mpupload/init', facts);
  expect(again.data).toMatchObject({ uploadId, uploaded: [0, 1, 2, 3] });
  const complete = { ...facts, uploadid: uploadId, filename: 'shared.bin' };
  const made = await second.post<Record>('/file/mpupload/complete', complete);
  expect(made).toMatchObject({ code: 0, data: { fileName: 'shared.bin', fileHash: facts.filehash } });
  for (const client of [first, second]) {
    const read = await client.download(facts.filehash);
    expect(Buffer.from(await read.arrayBuffer()).equals(bytes)).toBe(true);
  }
});

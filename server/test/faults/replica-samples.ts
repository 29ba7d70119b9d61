import type { Metadata, MetadataReader } from '#core/ports/metadata.ts';
import {
  NOW,
  putFile,
  sampleKey,
  sampleLink,
  samplePart,
  sampleTask,
  sampleUpload,
} from '#test/contracts/metadata-samples.ts';

type Question = (reader: MetadataReader) => Promise<unknown>;

/** Puts something of everything into the database and returns every query there is, each asking for what is there. */
export async function fillWithSamples(metadata: Metadata): Promise<readonly Question[]> {
  const files: Awaited<ReturnType<typeof putFile>>[] = [];
  for (const name of ['a.txt', 'ab.txt', 'b.txt']) files.push(await putFile(metadata, { name }));
  const gone = await putFile(metadata);
  const [one = gone] = files;
  const upload = sampleUpload();
  const link = sampleLink({ uid: one.file.uid });
  const key = sampleKey();
  const task = sampleTask();
  const idempotency = { owner: 'owner', key: 'k', fingerprint: 'f', uid: upload.uid, createdAt: NOW };
  const node = { id: 'n1', address: 'http://n1', version: '1', startedAt: NOW, heartbeatAt: NOW };
  await metadata.transaction(async (r) => {
    await r.files.markDeleted(gone.file.uid, NOW);
    await r.uploads.insert(upload);
    await r.uploads.putPart(upload.uid, samplePart({ blobId: one.blob.id }));
    await r.links.insert(link);
    await r.keys.insert(key);
    await r.idempotency.insert(idempotency);
    await r.tasks.enqueue('7', task, NOW);
    await r.coordination.heartbeat(node);
    await r.coordination.publish('topic', 'message', NOW);
    await r.marks.insert({ store: 'main', node: undefined, mark: 'm', written: true });
  });
  const { file, manifest, blob, placement } = one;
  const all = { owner: undefined, after: undefined, limit: 10, namePrefix: undefined };
  return [
    (r) => r.files.find(file.uid),
    (r) => r.files.find(gone.file.uid),
    (r) => r.files.content(file.uid),
    (r) => r.files.list(all),
    (r) => r.files.list({ ...all, owner: 'owner', namePrefix: 'a', after: files[2]?.file.uid }),
    (r) => r.files.list({ ...all, above: file.uid }),
    (r) => r.files.scan(undefined, 10),
    async (r) => new Set((await r.files.findMany(files.map((each) => each.file.uid))).map(({ uid }) => uid)),
    (r) => r.uploads.find(upload.uid),
    (r) => r.uploads.parts(upload.uid),
    (r) => r.uploads.findPart(upload.uid, 1),
    (r) => r.uploads.expired(NOW + 5000, 10),
    (r) => r.blobs.find(blob.id),
    (r) => r.blobs.findLive(blob.sha256, blob.size),
    (r) => r.blobs.knownKeys('main', [placement.key]),
    (r) => r.blobs.condemned(undefined, 10),
    (r) => r.blobs.scan(undefined, 10),
    (r) => r.placements.blobsIn('main', undefined, blob.id, 10),
    (r) => r.placements.naming([blob.id]),
    (r) => r.placements.usage(undefined, 10),
    (r) => r.placements.retired(NOW, undefined, 10),
    (r) => r.moves.find('1'),
    (r) => r.moves.list(10),
    (r) => r.moves.failures('1', 10),
    (r) => r.marks.find('main', undefined),
    (r) => r.manifests.find(manifest.id),
    (r) => r.manifests.parts(manifest.id),
    (r) => r.manifests.findVerified({ sha256: blob.sha256 }, blob.size, { owner: 'owner' }),
    (r) => r.links.find(link.id),
    (r) => r.links.list(file.uid, NOW, 10),
    (r) => r.keys.find(key.id),
    (r) => r.keys.list(),
    (r) => r.idempotency.find('owner', 'k'),
    (r) => r.tasks.find('7'),
    (r) => r.tasks.list({}, 10),
    (r) => r.tasks.attempts('7'),
    (r) => r.tasks.heads([task.type]),
    (r) => r.tasks.types(),
    (r) => r.tasks.counts(10),
    (r) => r.coordination.nodes(0),
    (r) => r.coordination.messages(0, 10),
    (r) => r.coordination.messagesAmong([1]),
    (r) => r.coordination.lastMessageId(),
  ];
}

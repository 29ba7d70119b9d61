import type { Metadata, MetadataWriter } from '#core/ports/metadata.ts';
import { inOrder } from '#core/tasks/claim.ts';
import { fillAccounts } from './metadata-accounts-queries.ts';
import { fillDrive } from './metadata-every-drive-query.ts';
import type { Midst } from './metadata-every-query.ts';
import { fillIdentities } from './metadata-identities-queries.ts';
import {
  NOW,
  newId,
  sampleBlob,
  sampleFile,
  sampleLink,
  sampleManifest,
  samplePart,
  samplePlacement,
  sampleShare,
  sampleTask,
  sampleUpload,
} from './metadata-samples.ts';

const ROWS = 4000;
const AT_ONCE = 200;

/** Enough rows in the tables that grow for a planner to care. */
export async function fillTables(metadata: Metadata): Promise<Midst> {
  const uids: string[] = [];
  for (let done = 0; done < ROWS; done += AT_ONCE) {
    await metadata.transaction(async (r) => {
      for (let i = done; i < done + AT_ONCE; i++) uids.push(await fillOne(r, i));
    });
  }
  return {
    owner: 'owner-1',
    createdAt: NOW + ROWS / 2,
    drive: await metadata.transaction(fillDrive),
    uid: uids.sort((a, b) => Number(a) - Number(b))[ROWS / 2] ?? '',
  };
}

async function fillOne(r: MetadataWriter, i: number): Promise<string> {
  const [blob, placement, owner] = [sampleBlob(), samplePlacement(), `owner-${i % 50}`];
  await r.blobs.insert(blob, placement);
  const manifest = sampleManifest([blob], {
    sha256: blob.sha256,
    md5: blob.sha256.slice(32),
    verified: true,
  });
  await r.manifests.insert(manifest);
  const file = sampleFile({ owner, manifestId: manifest.id, size: blob.size, sha256: blob.sha256 });
  await r.files.insert(file);
  await r.holds.insert({ uid: file.uid, type: 'scan', since: NOW + i, reason: 'r' });
  await r.links.insert(sampleLink({ uid: file.uid, owner, expiresAt: NOW + i }));
  const state = i % 20 === 0 ? 'open' : 'completed';
  const upload = sampleUpload({ owner, state, expiresAt: NOW + i, createdAt: NOW + i });
  await r.uploads.insert(upload);
  await r.uploads.putPart(upload.uid, samplePart({ blobId: blob.id }));
  await r.tasks.enqueue(newId(), sampleTask({ type: `type-${i % 10}` }), NOW + i);
  if (i % 3 === 0) {
    const claimer = { node: 'node', now: NOW + i, leaseMs: 1000 * ROWS };
    await r.tasks.claim(inOrder(await r.tasks.heads([`type-${i % 10}`]), claimer.now), claimer);
  }
  if (i % 2 === 0) await fillAccounts(r, i);
  await r.audit.append({
    ...{ at: NOW + i, actor: { kind: 'person', id: `actor-${i % 50}` } },
    ...{ action: i % 40 === 0 ? 'key.created' : `share.${i % 30}` },
    ...{ subject: { kind: 'key', id: `subject-${i % 40}` }, origin: { address: `address-${i % 50}` } },
    ...{ outcome: 'ok', detail: {} },
  });
  await r.idempotency.insert({ owner, key: newId(), fingerprint: 'f', uid: file.uid, createdAt: NOW + i });
  await r.possession.insert({
    ...{ id: newId(), userId: String(i % 50), sha256: blob.sha256, size: 1, nonce: 'n' },
    ...{ createdAt: NOW + i, expiresAt: NOW + i },
  });
  await fillIdentities(r, i);
  await r.coordination.publish('t', `message ${i}`, NOW + i);
  const event = { type: 'file.ready', subject: file.uid, owner, data: {} } as const;
  await r.events.append(event, NOW + i);
  // Few wait for a position at any time.
  if (i % 200 === 199) await r.events.sequence(200);
  const next = {
    state: i % 2 === 0 ? 'waiting' : 'parked',
    attempts: 1,
    nextAt: NOW + i,
    reason: 'r',
  } as const;
  await r.sinks.putDelivery({
    sink: `sink-${i % 4}`,
    event: { ...event, position: String(i + 1), at: NOW },
    ...next,
  });
  await r.media.put({
    ...{ identity: `${blob.sha256}:${blob.size}`, uid: file.uid, probedAt: NOW },
    ...(i % 5 === 0
      ? { facts: undefined, refusal: { reason: 'damaged', message: 'm' } }
      : { facts: { format: 'jpeg', width: 1, height: 1, durationMs: undefined }, refusal: undefined }),
  });
  const picture = { identity: `${blob.sha256}:${blob.size}`, variant: 'webp-64' };
  if (i % 2 === 0) await r.media.putRendition(picture, blob.id, NOW);
  await r.scrubs.putFinding({
    ...{ store: `store-${i % 4}`, node: undefined, key: newId(), blobId: blob.id, kind: 'damaged' },
    ...{ reason: 'r', lost: i % 2 === 0, round: 1, retryAt: NOW + i, foundAt: NOW },
  });
  await r.usage.add(
    { day: Math.floor(i / 50), owner, key: `key-${i % 7}`, store: `store-${i % 4}` },
    { uploads: 1, uploadedBytes: 1, downloads: 0, downloadedBytes: 0, failures: 0, durationMs: 1 },
  );
  const share = sampleShare({ userId: String(1 + (i % 50)), entryId: String(1 + (i % 700)) });
  await r.shares.insert(share, blob.sha256);
  await r.shares.putVisit(share.id, blob.sha256, NOW + i);
  await r.shares.lockTries(share.id, NOW + i);
  await r.shares.insertTicket({
    ...{
      hash: blob.sha256,
      userId: share.userId,
      sessionId: '1',
      wish: {},
      createdAt: NOW,
      expiresAt: NOW + i,
    },
  });
  if (i % 10 === 0) {
    await r.files.markDeleted(file.uid, NOW + i);
    await r.manifests.markIdle(manifest.id, NOW + i);
    await r.blobs.markIdle([blob.id], NOW + i);
    await r.blobs.doom('s', newId(), NOW + i);
  }
  return file.uid;
}

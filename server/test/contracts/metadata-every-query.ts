import type { Blob, Placement } from '#core/model/blob.ts';
import type { NewEvent } from '#core/model/event.ts';
import type { MoveRecord } from '#core/model/move.ts';
import type { ScrubFinding } from '#core/model/scrub.ts';
import type { DeliveryRecord } from '#core/model/sink.ts';
import { KEPT_ATTEMPTS } from '#core/model/task.ts';
import type { MetadataWriter } from '#core/ports/metadata.ts';
import { callAccounts } from './metadata-accounts-queries.ts';
import { callEveryDriveQuery, type DriveMidst } from './metadata-every-drive-query.ts';
import { callIdentities } from './metadata-identities-queries.ts';
import { callShares } from './metadata-shares-queries.ts';

const BLOB: Blob = { id: '1', sha256: 'a', md5: undefined, sha1: undefined, size: 1, createdAt: 1 };
/** Behind the types that fillTables() makes, so that queries that go through all types begin with one of many tasks. */
const TYPE = 'zz';
const PLACEMENT: Placement = { store: 's', node: undefined, key: 'k' };
const USAGE = { uploads: 1, uploadedBytes: 1, downloads: 1, downloadedBytes: 1, failures: 0, durationMs: 1 };
const EVENT: NewEvent = { type: 'file.ready', subject: 's', owner: 'o', data: {} };
const DELIVERY: DeliveryRecord = {
  ...{ sink: 's', event: { ...EVENT, position: '1', at: 1 }, state: 'waiting', attempts: 1 },
  ...{ nextAt: 1, reason: undefined },
};

/** The repositories, and which of their methods were not called yet. */
export function watch(repositories: MetadataWriter): {
  readonly watched: MetadataWriter;
  uncalled(): readonly string[];
} {
  const left = new Set<string>();
  const watched = Object.fromEntries(
    Object.entries(repositories).map(([name, repository]: [string, object]) => {
      for (const method of Object.getOwnPropertyNames(Object.getPrototypeOf(repository))) {
        if (method !== 'constructor') left.add(`${name}.${method}`);
      }
      const get = (target: object, method: string) => {
        left.delete(`${name}.${method}`);
        const member: unknown = Reflect.get(target, method);
        return typeof member === 'function' ? member.bind(target) : member;
      };
      return [name, new Proxy(repository, { get: (target, method) => get(target, String(method)) })];
    }),
  ) as unknown as MetadataWriter;
  return { watched, uncalled: () => [...left] };
}

/** What is asked for in the middle of much. */
export interface Midst {
  readonly owner: string;
  readonly uid: string;
  /** Of a task. */
  readonly createdAt: number;
  readonly drive?: DriveMidst;
}

/** Every query there is, each at least once, with values that find something where that matters. */
export async function callEverything(
  r: MetadataWriter,
  midst: Midst = { owner: 'o', uid: '9', createdAt: 9 },
): Promise<void> {
  await callEveryDriveQuery(r, midst.drive);
  const page = { limit: 10, namePrefix: 'n' };
  const manifest = { ...BLOB, verified: true, parts: [{ blobId: '1', size: 1 }] };
  const task = { type: TYPE, key: 'k', payload: 1, maxAttempts: 1 };
  const node = { id: 'n', address: 'a', version: 'v', startedAt: 1, heartbeatAt: 1 };
  await r.blobs.insert(BLOB, PLACEMENT);
  await r.blobs.insert({ ...BLOB, id: '2', sha256: 'b' }, { ...PLACEMENT, key: 'k2' });
  await r.blobs.insert({ ...BLOB, id: '3', sha256: 'c' }, { ...PLACEMENT, key: 'k3' });
  await r.manifests.insert(manifest);
  await r.manifests.insert({ ...manifest, id: '2', parts: [{ blobId: '2', size: 1 }] });
  await r.files.insert({
    ...{
      uid: '1',
      owner: 'o',
      name: 'n',
      contentType: 'c',
      size: 1,
      state: 'ready',
      rejectedReason: undefined,
    },
    ...{ manifestId: '1', generation: 1, linkEpoch: 0, md5: undefined, sha256: undefined, verified: true },
    ...{ createdAt: 1, updatedAt: 1, deletedAt: undefined },
  });
  await r.files.insertMany([]);
  await r.files.find('1');
  await r.files.content('1');
  await r.files.findMany(['1', '2']);
  for (const owner of [midst.owner, undefined]) {
    for (const after of [midst.uid, undefined]) {
      await r.files.list({ ...page, owner, after });
      await r.files.list({ ...page, owner, after, namePrefix: undefined });
    }
    await r.files.list({ ...page, owner, after: undefined, above: midst.uid, namePrefix: undefined });
  }
  await r.files.scan('0', 10);
  await r.files.lock('1');
  await r.files.release('1', 2);
  await r.holds.insert({ uid: '1', type: 't', since: 1, reason: undefined });
  await r.holds.of('1');
  await r.holds.lock('1');
  await r.holds.list(undefined, 10);
  await r.holds.list({ uid: midst.uid, type: 't' }, 10);
  await r.holds.counts(10);
  await r.holds.explain('1', 't', 'r');
  await r.holds.remove('1', 't');
  await r.holds.remove('1');
  await r.files.rename('1', 'n', 'c', 2);
  await r.files.swapManifest('1', '1', { ...manifest, id: '1' }, 2);
  await r.files.markVerified('1', '1', { sha256: 'a', md5: undefined, sha1: undefined }, 2);
  await r.files.bumpLinkEpoch('1', 2);
  await r.uploads.insert({
    ...{ uid: '1', owner: 'o', name: 'n', state: 'open', size: 1, md5: undefined, sha256: undefined },
    ...{
      contentType: undefined,
      partSize: 1,
      store: 's',
      transferTo: 't',
      createdAt: 1,
      expiresAt: 1,
      completedAt: undefined,
    },
  });
  const part = {
    number: 1,
    blobId: '3',
    size: 1,
    md5: undefined,
    sha256: 'c',
    contentType: undefined,
    createdAt: 1,
  };
  await r.uploads.putPart('1', part);
  await r.uploads.find('1');
  await r.uploads.parts('1');
  await r.uploads.findPart('1', 1);
  await r.uploads.expired(5, 10);
  await r.uploads.lock('1');
  await r.uploads.extend('1', 9);
  await r.blobs.findLive('a', 1);
  await r.blobs.find('1');
  await r.blobs.knownKeys('s', ['k', 'k2', 'k3']);
  await r.blobs.scan('0', 10);
  await r.blobs.claim('1');
  await r.blobs.addPlacement('1', { ...PLACEMENT, key: 'k4' });
  await r.blobs.removePlacement('1', { ...PLACEMENT, key: 'k4' });
  await r.blobs.doom('s', 'k9', 1);
  await r.blobs.doom('s', 'k9', 1);
  await r.blobs.forgetDoomed(1, 10);
  await r.placements.blobsIn('s', '0', '9', 10);
  await r.placements.naming(['1']);
  await r.placements.usage('0', 10);
  await r.placements.relocate('1', PLACEMENT, { ...PLACEMENT, key: 'k5' }, 1);
  await r.placements.retired(1, '0', 10);
  await r.placements.forgetRetired('s', 'k', 1);
  const counts = { files: 1, blobs: 1, bytes: 1 };
  const move: MoveRecord = {
    ...{ id: '1', from: 's', to: 't', match: {}, bytesPerSecond: 1, state: 'running', run: 1, lastBlob: '9' },
    ...{
      afterBlob: '1',
      total: counts,
      done: counts,
      failedBlobs: 0,
      createdAt: 1,
      updatedAt: 1,
      endedAt: 1,
    },
  };
  await r.moves.insert(move);
  await r.moves.find('1');
  await r.moves.lock('1');
  await r.moves.list(10);
  await r.moves.save(move);
  await r.moves.putFailure('1', { blobId: '1', reason: 'r', at: 1 });
  await r.moves.failures('1', 10);
  await r.moves.clearFailures('1');
  await r.marks.insert({ store: 's', node: undefined, mark: 'm', written: false });
  await r.marks.setWritten('s', undefined);
  await r.marks.find('s', undefined);
  const scrub = {
    ...{ store: 's', node: 'n', round: 1, startedAt: 1, endedAt: 1, lastBlob: '9', afterBlob: '1', blobs: 1 },
    ...{ bytes: 1, repaired: 0, damaged: 0, skipped: 0, trouble: 't', requestedAt: undefined, updatedAt: 1 },
  };
  const finding: ScrubFinding = {
    ...{ store: 's', node: 'n', key: 'k', blobId: '1', kind: 'damaged', reason: 'r', lost: true, round: 1 },
    ...{ retryAt: 1, foundAt: 1 },
  };
  const content = { identity: 'a:1', variant: 'webp-64' };
  await r.media.put({
    ...{ identity: 'a:1', uid: '1', probedAt: 1, facts: undefined },
    refusal: { reason: 'damaged', message: 'm' },
  });
  await r.media.find('a:1');
  await r.media.findMany(['a:1', 'b:1']);
  await r.media.refused('damaged', undefined, 10);
  await r.media.takeRendition(content, 'h', 1, 2);
  await r.media.takeRendition(content, 'h', 2, 3);
  await r.media.giveUpRendition(content, 'h');
  await r.media.putRendition(content, '1', 1);
  await r.media.rendition(content);
  await r.media.removeRendition(content, '1', 1);
  await r.media.forget('a:1');
  await r.manifests.keep('1');
  await r.scrubs.save(scrub);
  await r.scrubs.request(1);
  await r.scrubs.find('s', 'n');
  await r.scrubs.list();
  await r.scrubs.putFinding(finding);
  await r.scrubs.findings(10);
  await r.scrubs.dueFindings('s', 'n', 1, 10);
  await r.scrubs.lost('1');
  await r.scrubs.counts();
  await r.scrubs.removeFinding('s', 'k');
  await r.scrubs.removeFindingsBefore('s', 'n', 2);
  await r.scrubs.forgetBlob('1');
  await r.usage.lastOf('s', 1);
  await r.usage.claim('s', 1, 1);
  await r.usage.add({ day: 1, owner: 'o', key: 'k', store: 's' }, USAGE);
  await r.usage.totals({ from: 1, to: 2, owner: undefined }, ['day'], 10);
  await r.usage.totals({ from: 1, to: 2, owner: 'o' }, ['store', 'key'], 10);
  await r.usage.totals({ from: 1, to: 2, owner: 'o', key: 'k' }, ['day'], 10);
  await r.usage.removeBefore(1);
  await r.usage.forgetSources(1);
  await callShares(r);
  await r.manifests.find('1');
  await r.manifests.parts('1');
  for (const named of [{ owner: 'o' }, { owner: 'o', namePrefix: 'n' }, { owner: undefined }, undefined]) {
    await r.manifests.findVerified({ sha256: 'a' }, 1, named);
    await r.manifests.findVerified({ sha256: 'a' }, undefined, named);
    await r.manifests.findVerified({ md5: 'a' }, 1, named);
    await r.manifests.findVerified({ sha1: 'a' }, 1, named);
  }
  await r.manifests.learnSha1('1', 'a');
  await r.manifests.claim('1');
  await r.manifests.claimMany(['1', '2']);
  await r.manifests.markManyIdle(['1', '2'], 1);
  await r.manifests.markIdle('1', 1);
  await r.manifests.markIdle('2', 1);
  await r.manifests.removeIdle(1, 10);
  await r.blobs.markIdle(['1', '2', '3'], 1);
  await r.blobs.condemnIdle(1, 10);
  await r.blobs.condemned('0', 10);
  await r.blobs.remove(['2']);
  await r.links.insert({
    ...{ id: 'l', uid: '1', owner: 'o', scope: 'read', disposition: 'inline', expiresAt: 1 },
    ...{ maxUses: 1, uses: 0, createdAt: 1, revokedAt: undefined },
  });
  await r.links.find('l');
  await r.links.list('1', 0, 10);
  await r.links.use('l', 0);
  await r.links.revoke('1', 'l', 1);
  await r.links.revokeAll('1', 1);
  await r.links.removeExpired(1, 10);
  await r.keys.insert({
    ...{ id: 'k', name: 'n', owner: 'o', scopes: ['read'], secretHash: 'h', createdAt: 1 },
    ...{ expiresAt: undefined, revokedAt: undefined, lastUsedAt: undefined, lastUsedFrom: undefined },
    ...{ store: undefined, namePrefix: undefined, former: undefined, rotatedAt: undefined },
  });
  await r.keys.find('k');
  await r.keys.list();
  await r.keys.touch('k', { at: 1, from: 'a', former: true });
  await r.keys.lock('k');
  await r.keys.rotate('k', { secretHash: 'i', former: undefined, rotatedAt: 1 });
  await r.keys.revoke('k', 1);
  await callAccounts(r);
  await r.audit.append({
    ...{
      at: 1,
      actor: { kind: 'person', id: '1' },
      action: 'key.created',
      subject: { kind: 'key', id: 'k' },
    },
    ...{ origin: { address: 'a' }, outcome: 'ok', detail: {} },
  });
  const entry = { at: midst.createdAt, id: '9' };
  for (const filter of [
    ...[{}, { actor: 'actor-1' }, { action: 'key.created' }, { action: 'key.*' }, { subject: 'subject-1' }],
    ...[{ address: 'address-1' }, { actor: 'actor-1', from: 1, to: midst.createdAt }],
  ]) {
    await r.audit.list(filter, undefined, 10);
    await r.audit.list(filter, entry, 10);
  }
  await r.audit.removeOld(1, 10);
  const group = { id: '1', name: 'g', quotaBytes: 1, store: 's', createdAt: 1, updatedAt: 1 };
  await r.groups.insert(group);
  await r.groups.find('1');
  await r.groups.list(10);
  await r.groups.lock('1');
  await r.groups.update(group);
  await r.groups.remove('1');
  await r.idempotency.insert({ owner: 'o', key: 'k', fingerprint: 'f', uid: '1', createdAt: 1 });
  await r.idempotency.find('o', 'k');
  await r.idempotency.removeOld(1, 10);
  await r.tasks.enqueue('1', task, 1);
  const claimer = { node: 'n', now: 1, leaseMs: 10, ruleOf: () => ({ limit: 5 }) };
  await r.tasks.claim(await r.tasks.heads([TYPE]), claimer);
  await r.tasks.find('1');
  await r.tasks.holds('1', 1);
  await r.tasks.heartbeat('1', 1, 20);
  await r.tasks.heartbeat('1', 1, 20, { done: 1, unit: 'bytes' });
  await r.tasks.cancel('1', 'r', 2);
  await r.tasks.finish('1', 1, { outcome: 'failed', error: 'e' }, 2);
  await r.tasks.retry('1', 3);
  await r.tasks.attempts('1');
  await r.tasks.counts(10);
  for (const filter of [
    {},
    { type: TYPE },
    { state: 'done' as const },
    { type: TYPE, state: 'done' as const },
  ]) {
    await r.tasks.list(filter, 10);
    await r.tasks.list({ ...filter, after: { createdAt: midst.createdAt, id: '9' } }, 10);
  }
  await r.tasks.claimThis('1', { ...claimer, now: 3 });
  const lost = { ...claimer, now: 100, ruleOf: () => ({}) };
  const head = { type: TYPE, priority: 'normal', runAt: 1, dueAt: 20 } as const;
  await r.tasks.claim([{ ...head, state: 'running' }], lost);
  for (let turn = 0; turn < KEPT_ATTEMPTS; turn += 1) {
    await r.tasks.finish('1', 3 + turn, { outcome: 'waiting', runAt: 1, error: 'e' }, 4);
    await r.tasks.claim([{ ...head, state: 'pending' }], lost);
  }
  await r.tasks.setPaused(TYPE, true, 1);
  await r.tasks.types();
  await r.tasks.schedule('2', { ...task, key: 'k2' }, 'every day', 1);
  await r.tasks.schedule('3', { ...task, key: 'k2' }, 'every hour', 1);
  await r.tasks.cancel('2', 'r', 2);
  await r.tasks.finish('1', 3 + KEPT_ATTEMPTS, { outcome: 'done' }, 4);
  await r.tasks.removeEnded(4, 10);
  const lease = await r.coordination.acquireLease('l', 'h', 1, 10);
  if (lease !== undefined) {
    await r.coordination.renewLease(lease, 2, 10, 1);
    await r.coordination.releaseLease(lease, 1);
  }
  await r.coordination.heartbeat(node);
  await r.coordination.nodes(0);
  await r.coordination.removeSilentNodes(0);
  await r.coordination.leave('n');
  await r.coordination.publish('t', 'm', 1);
  await r.coordination.messages(0, 10);
  await r.coordination.messagesAmong([1, 2]);
  await r.coordination.lastMessageId();
  await r.coordination.removeMessages(1, 10);
  await r.uploads.complete('1', 1);
  await r.events.append(EVENT, 1);
  await r.events.appendMany([EVENT, EVENT], 1);
  await r.events.hasWaiting();
  await r.events.sequence(10);
  await r.events.after(undefined, 10);
  await r.events.last();
  await r.events.removedUntil();
  await r.events.removeOld(1, '9', 10);
  const challenge = { id: '1', userId: '1', sha256: 'a', size: 1, nonce: 'n', createdAt: 1, expiresAt: 2 };
  await r.possession.insert(challenge);
  await r.possession.take('1', '1');
  await r.possession.insert(challenge);
  await r.possession.removeExpired(2, 10);
  await callIdentities(r);
  await r.sinks.take('s', '1', 1, 1);
  await r.sinks.holds('s', 1);
  const sink = await r.sinks.lock('s');
  if (sink !== undefined) await r.sinks.save(sink);
  await r.sinks.find('s');
  await r.sinks.list();
  await r.sinks.putDelivery(DELIVERY);
  await r.sinks.deliveries('s', 'waiting', '0', 10);
  await r.sinks.due('s', 1, 10);
  await r.sinks.nextDue('s');
  await r.sinks.blocked('s', ['a', 'b']);
  await r.sinks.counts();
  await r.sinks.park(DELIVERY, 1);
  await r.sinks.redrive('s', ['1'], 1);
  await r.sinks.redrive('s', undefined, 1);
  await r.sinks.putDelivery({ ...DELIVERY, event: { ...DELIVERY.event, position: '2' }, nextAt: undefined });
  await r.sinks.endDelivery(DELIVERY, 1);
  await r.sinks.discard('s', ['1']);
  await r.sinks.discard('s', undefined);
  await r.sinks.remove('s');
  await r.uploads.abort('1', 1);
  await r.uploads.removeEnded(1, 10);
  await r.files.markRejected('1', '1', 'r', 2);
  await r.files.markManyDeleted(['1', '2'], 2);
  await r.files.markDeleted('1', 2);
  await r.files.removeDeleted(2, 10);
}

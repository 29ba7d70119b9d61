import { hash, randomBytes } from 'node:crypto';
import type { Metadata } from '../../../server/src/core/ports/metadata.ts';
import { claimNext } from '../../../server/src/core/tasks/claim.ts';
import { newId, recordFile } from '../record-file.ts';
import { contentOf, FILE_BYTES, idOf, OWNERS } from './rows.ts';

const PAGE = 100;
const BATCH = 200;
const DELETED_AT_ONCE = 10;
const LEASE_MS = 600_000;
const TASK_TYPE = 'bench';

/** What one call does; it is false when there is nothing left to do it to. */
type Call = (table: Table) => Promise<unknown>;

export interface Operation {
  readonly name: string;
  readonly clients: number;
  /** Makes what the calls of one measurement use up; not timed. */
  readonly prepare?: (table: Table) => Promise<void>;
  readonly call: Call;
}

/** A filled database and what was taken out of it. */
export class Table {
  readonly count: number;
  readonly metadata: Metadata;
  readonly #deleted = new Set<number>();

  constructor(count: number, metadata: Metadata) {
    this.count = count;
    this.metadata = metadata;
  }

  /** A file that is never deleted. */
  anyIndex(): number {
    return Math.floor(Math.random() * (this.count / 2)) * 2 + 1;
  }

  /** Files for a purge; undefined when a small table has too few left. */
  take(many: number): readonly number[] | undefined {
    if (this.#deleted.size + many > this.count / 4) return undefined;
    const taken: number[] = [];
    while (taken.length < many) {
      const index = Math.floor(Math.random() * (this.count / 2)) * 2;
      if (this.#deleted.has(index)) continue;
      this.#deleted.add(index);
      taken.push(index);
    }
    return taken;
  }
}

function anyUid(table: Table): string {
  return idOf('file', table.anyIndex());
}

function anyOwner(): string {
  return `owner-${Math.floor(Math.random() * OWNERS)}`;
}

/** Reads all files of an owner: there is no index of names. */
async function listNone({ metadata }: Table): Promise<void> {
  await metadata.files.list({ owner: anyOwner(), after: undefined, limit: PAGE, namePrefix: 'nothing-' });
}

async function list(table: Table, after: string | undefined): Promise<void> {
  const page = { owner: anyOwner(), after, limit: PAGE, namePrefix: undefined };
  const files = await table.metadata.files.list(page);
  if (files.length === 0) throw new Error('The page of a list is empty.');
}

/** Far enough from the end for a whole page. */
function deep(table: Table): string {
  const most = table.count - 2 * PAGE * OWNERS;
  return idOf('file', 2 * PAGE * OWNERS + Math.floor(Math.random() * Math.max(1, most)));
}

async function enqueue(table: Table): Promise<void> {
  await table.metadata.transaction(async (r) => {
    for (let i = 0; i < 2000; i += 1) {
      const id = newId();
      await r.tasks.enqueue(id, { type: TASK_TYPE, key: id, payload: {}, maxAttempts: 3 }, i);
    }
  });
}

async function claimAndFinish(table: Table): Promise<boolean> {
  const { metadata } = table;
  const now = Date.now();
  const task = await claimNext(metadata, [TASK_TYPE], { node: 'bench', now, leaseMs: LEASE_MS });
  if (task === undefined) return false;
  await metadata.transaction((r) => r.tasks.finish(task.id, task.fence, { outcome: 'done' }, now));
  return true;
}

/** Deletes files as their owners and then the purge do, rows of bytes included. */
async function deleteAndPurge(table: Table): Promise<boolean> {
  const taken = table.take(DELETED_AT_ONCE);
  if (taken === undefined) return false;
  const { metadata } = table;
  const [before, cutoff] = [Date.now() - 1, Date.now()];
  await metadata.transaction(async (r) => {
    for (const index of taken) {
      await r.files.markDeleted(idOf('file', index), before);
      await r.manifests.markIdle(idOf('manifest', index), before);
    }
  });
  await metadata.transaction((r) => r.manifests.removeIdle(cutoff, BATCH));
  const { condemned } = await metadata.transaction((r) => r.blobs.condemnIdle(cutoff, BATCH));
  await metadata.transaction((r) => r.blobs.remove(condemned.map(({ id }) => id)));
  await metadata.transaction((r) => r.files.removeDeleted(cutoff, BATCH));
  if (condemned.length < taken.length) throw new Error(`Of ${taken.length} blobs ${condemned.length} went.`);
  return true;
}

/** Every sweep of a purge that finds nothing to do. */
async function idleSweeps({ metadata }: Table): Promise<void> {
  await metadata.transaction(async (r) => {
    await r.manifests.removeIdle(0, BATCH);
    await r.blobs.condemnIdle(0, BATCH);
    await r.files.removeDeleted(0, BATCH);
    await r.blobs.forgetDoomed(0, BATCH);
    await r.uploads.removeEnded(0, BATCH);
    await r.tasks.removeEnded(0, BATCH);
    await r.links.removeExpired(0, BATCH);
  });
  await metadata.placements.retired(0, undefined, BATCH);
  await metadata.blobs.condemned(undefined, BATCH);
  await metadata.uploads.expired(0, BATCH);
}

const rename: Call = (table) =>
  table.metadata.transaction((r) => r.files.rename(anyUid(table), 'renamed.bin', 'text/plain', Date.now()));

const record: Call = (table) => recordFile(table.metadata);

export const OPERATIONS: readonly Operation[] = [
  { name: 'find a file by uid', clients: 1, call: (t) => t.metadata.files.find(anyUid(t)) },
  { name: 'content of a file for a download', clients: 1, call: (t) => t.metadata.files.content(anyUid(t)) },
  { name: 'content of a file for a download', clients: 8, call: (t) => t.metadata.files.content(anyUid(t)) },
  { name: 'list, first page of 100', clients: 1, call: (t) => list(t, undefined) },
  { name: 'list, a page of 100 deep inside', clients: 1, call: (t) => list(t, deep(t)) },
  { name: 'list, a beginning of names that none has', clients: 1, call: listNone },
  { name: 'links of a file', clients: 1, call: (t) => t.metadata.links.list(anyUid(t), 0, PAGE) },
  {
    name: 'same content, found',
    clients: 1,
    call: (t) => t.metadata.blobs.findLive(hash('sha256', contentOf(t.anyIndex())), FILE_BYTES),
  },
  {
    name: 'same content, absent',
    clients: 1,
    call: (t) => t.metadata.blobs.findLive(randomBytes(32).toString('hex'), FILE_BYTES),
  },
  {
    name: 'same content, verified manifests',
    clients: 1,
    call: (t) =>
      t.metadata.manifests.findVerified(
        { sha256: hash('sha256', contentOf(t.anyIndex())) },
        FILE_BYTES,
        undefined,
      ),
  },
  { name: 'record a file', clients: 1, call: record },
  { name: 'record a file', clients: 8, call: record },
  { name: 'record a file', clients: 64, call: record },
  { name: 'rename any file', clients: 1, call: rename },
  { name: 'rename any file', clients: 8, call: rename },
  { name: 'claim and finish a task', clients: 1, prepare: enqueue, call: claimAndFinish },
  { name: `delete and purge ${DELETED_AT_ONCE} files`, clients: 1, call: deleteAndPurge },
  { name: 'sweeps that find nothing', clients: 1, call: idleSweeps },
  { name: 'counts of tasks', clients: 1, call: (t) => t.metadata.tasks.counts(10_000) },
  {
    name: 'usage of stores, 1000 rows',
    clients: 1,
    call: (t) => t.metadata.placements.usage(undefined, 1000),
  },
];

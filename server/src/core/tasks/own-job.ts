import type { Downloads } from '../downloads.ts';
import { OsproxyError } from '../errors.ts';
import type { FileRecords } from '../file-records.ts';
import { noFile, readable } from '../files.ts';
import type { Idempotency } from '../idempotency.ts';
import type { FileContent, FileRecord } from '../model/file.ts';
import type { TaskProgress } from '../model/task.ts';
import type { Uid } from '../model/uid.ts';
import type { Logger } from '../ports/logger.ts';
import type { Metadata } from '../ports/metadata.ts';
import type { ByteRange } from '../ports/storage-driver.ts';
import type { Uploads } from '../uploads.ts';
import type { TaskContext } from './task-type.ts';

/** A file as a handler sees it. */
export interface OwnFile {
  readonly uid: Uid;
  readonly owner: string;
  readonly name: string;
  readonly contentType: string;
  /** Bytes. */
  readonly size: number;
  readonly state: 'ready' | 'held' | 'rejected';
  readonly sha256: string | undefined;
  readonly md5: string | undefined;
  readonly verified: boolean;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

interface OwnNewFile {
  readonly owner: string;
  readonly name: string;
  readonly content: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Tells the files of one task apart where their order may differ between attempts; 1 to 64 letters, digits, dots, dashes. */
  readonly key?: string;
}

/** Everything a handler may use. After its attempt has ended every call throws. */
export interface OwnJob {
  /** Of the task. */
  readonly id: string;
  /** From 1 on. */
  readonly attempt: number;
  /** Fires when the attempt is over before its handler: too late, taken over, cancelled, or the process stops. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Shows how far it has come: `{ done, total?, unit }`. Costs nothing, however often it is called. */
  progress(progress: TaskProgress): void;
  readonly files: {
    /** undefined where there is none. */
    find(uid: Uid): Promise<OwnFile | undefined>;
    /** Files that can be read, newest first. */
    list(filter?: { readonly owner?: string; readonly prefix?: string }): AsyncIterable<OwnFile>;
    /** The bytes, or a range of them; a chunk is valid until the next is asked for. */
    read(uid: Uid, range?: ByteRange): AsyncIterable<Uint8Array>;
    /** A new file; it exists once, however often the task is tried, and only if this attempt still holds the task. */
    put(file: OwnNewFile): Promise<OwnFile>;
  };
}

interface JobParts {
  readonly metadata: Metadata;
  readonly records: FileRecords;
  readonly downloads: Downloads;
  readonly idempotency: Idempotency;
  readonly uploads: Uploads;
}

const PAGE = 200;
const KEY = /^[A-Za-z0-9.-]{1,64}$/;

export function ownJob(
  parts: JobParts,
  context: TaskContext,
  by: { readonly type: string; readonly judged: Uid | undefined },
): { readonly api: OwnJob; close(): void } {
  const { task, signal, logger } = context;
  const { records, downloads } = parts;
  let isOver = false;
  let puts = 0;
  const check = () => {
    signal.throwIfAborted();
    if (isOver) throw new OsproxyError('Cancelled', `This attempt of task ${task.id} is over.`);
  };
  const contentOf = async (uid: Uid): Promise<FileContent> => {
    check();
    const content = await records.findFresh(uid);
    if (content === undefined) throw noFile(uid);
    // Whoever judges a file must be able to look at it.
    return uid === by.judged && content.file.state === 'held' ? content : readable(content);
  };
  const api: OwnJob = {
    id: task.id,
    attempt: task.attempts,
    signal,
    log: logger,
    progress: (progress) => {
      check();
      context.progress(progress);
    },
    files: {
      find: async (uid) => {
        check();
        const content = await records.findFresh(uid);
        return content === undefined ? undefined : ownFile(content.file);
      },
      async *list({ owner, prefix } = {}) {
        for (let after: Uid | undefined; ; ) {
          check();
          const page = { owner, after, limit: PAGE, namePrefix: prefix };
          const files = await parts.metadata.files.list(page);
          for (const file of files) if (file.state === 'ready') yield ownFile(file);
          after = files.at(-1)?.uid;
          if (files.length < PAGE) return;
        }
      },
      async *read(uid, range) {
        const body = await downloads.read(await contentOf(uid), range, signal);
        try {
          for await (const chunk of body.chunks) {
            check();
            yield chunk;
          }
        } finally {
          await body.close();
        }
      },
      put: async (file) => {
        check();
        puts += 1;
        return put(parts, context, file, file.key ?? String(puts));
      },
    },
  };
  return {
    api,
    close: () => {
      isOver = true;
    },
  };
}

async function put(
  { metadata, idempotency, uploads }: JobParts,
  { task, signal }: TaskContext,
  { owner, name, content }: OwnNewFile,
  key: string,
): Promise<OwnFile> {
  if (!KEY.test(key)) {
    throw new OsproxyError('InvalidArgument', 'A key has 1 to 64 letters, digits, dots and dashes.');
  }
  const { uid } = await idempotency.once(owner, `task/${task.id}/${key}`, { name }, async (remember) => {
    const made = await uploads.writeFile(
      { owner, name },
      chunksOf(content),
      signal,
      async (repositories, created, sha256) => {
        if (!(await repositories.tasks.holds(task.id, task.fence))) {
          throw new OsproxyError('Conflict', 'The task was taken over by another node.');
        }
        await remember?.(repositories, created, sha256);
      },
    );
    return made.uid;
  });
  const file = await metadata.files.find(uid);
  if (file === undefined) throw noFile(uid);
  return ownFile(file);
}

async function* chunksOf(content: OwnNewFile['content']): AsyncGenerator<Uint8Array> {
  if (typeof content === 'string') yield Buffer.from(content);
  else if (content instanceof Uint8Array) yield content;
  else yield* content;
}

function ownFile(file: FileRecord): OwnFile {
  const { uid, owner, name, contentType, size, sha256, md5, verified, createdAt } = file;
  const state = file.state === 'deleted' ? 'rejected' : file.state;
  return { uid, owner, name, contentType, size, state, sha256, md5, verified, createdAt };
}

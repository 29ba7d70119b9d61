/**
 * A task of your own: writes the SHA-256 of every file of an owner into a new file, one line each, in the form that sha256sum writes.
 * Copy it next to your configuration, change it, and name it there:
 *
 *   tasks:
 *     handlers: [./checksum-manifest.ts]
 *
 * Then ask for one:
 *
 *   curl -H "$KEY" --json '{"type": "checksum-manifest", "payload": {"owner": "shop"}}' $API/tasks
 *
 * Types are erased when the module is loaded, so it needs no package.
 */
import { createHash } from 'node:crypto';
import type { OwnFile, OwnJob } from '../../server/src/core/tasks/own-job.ts';
import type { OwnTask } from '../../server/src/core/tasks/own-task.ts';

interface Payload {
  readonly owner: string;
}

const PREFIX = 'SHA256SUMS-';

const checksumManifest: OwnTask = {
  type: 'checksum-manifest',
  schema: {
    type: 'object',
    properties: { owner: { type: 'string', minLength: 1 } },
    required: ['owner'],
    additionalProperties: false,
  },
  timeoutSeconds: 6 * 3600,
  async handle(payload, job) {
    const { owner } = payload as Payload;
    // The content is made while it is stored: a manifest of millions of files needs no more memory than one of ten.
    const manifest = await job.files.put({
      owner,
      name: `${PREFIX}${owner}.txt`,
      content: lines(owner, job),
    });
    job.log.info({ uid: manifest.uid, bytes: manifest.size }, 'a checksum manifest was written');
  },
};

export default checksumManifest;

async function* lines(owner: string, job: OwnJob): AsyncGenerator<Uint8Array> {
  for await (const file of job.files.list({ owner })) {
    if (file.name.startsWith(PREFIX)) continue;
    yield Buffer.from(lineOf(await digestOf(file, job), `${file.uid}/${file.name}`));
  }
}

/** What the service has not hashed itself is read; a declared digest proves nothing. */
async function digestOf(file: OwnFile, job: OwnJob): Promise<string> {
  if (file.verified && file.sha256 !== undefined) return file.sha256;
  const hash = createHash('sha256');
  for await (const chunk of job.files.read(file.uid)) hash.update(chunk);
  return hash.digest('hex');
}

/** As sha256sum writes it: a line whose path has a backslash begins with one, and has each of them twice. */
function lineOf(digest: string, path: string): string {
  if (!path.includes('\\')) return `${digest}  ${path}\n`;
  return `\\${digest}  ${path.replaceAll('\\', '\\\\')}\n`;
}

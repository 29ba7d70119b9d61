import { imageKind } from './image-kind.ts';
import { type FromLooker, type Job, type Looked, OVER_MEMORY, Refused, type ToLooker } from './protocol.ts';

/** The process that looks at contents of strangers: one at a time, without secrets, and it ends with the service. */

const LOOK_MS = 20;
const HEAD_BYTES = 4100;
const maxRssBytes = Number(process.argv[2]);

// What runs in threads of libvips does not hold up this timer.
setInterval(() => {
  if (process.memoryUsage.rss() > maxRssBytes) process.exit(OVER_MEMORY);
}, LOOK_MS).unref();

let waiting: ((bytes: Uint8Array) => void) | undefined;

process.on('message', (message: ToLooker) => {
  if (message.kind === 'bytes') waiting?.(message.bytes);
  else if (message.kind === 'describe') void describe();
  else void lookAt(message);
});
process.on('disconnect', () => process.exit(0));

function say(message: FromLooker): void {
  process.send?.(message);
}

function read(offset: number, length: number): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  waiting = resolve;
  say({ kind: 'read', offset, length });
  return promise;
}

async function lookAt(job: Job): Promise<void> {
  try {
    say({ kind: 'looked', ...(await look(job)) });
  } catch (error) {
    say({ kind: 'looked', refusal: refusalOf(error) });
  }
}

async function look(job: Job): Promise<Looked> {
  if (job.size === 0) throw new Refused('unsupported', 'It is empty.');
  const kind = imageKind(await read(0, Math.min(HEAD_BYTES, job.size)));
  if (kind !== undefined) {
    const { lookAtImage } = await images();
    return lookAtImage(job, kind, read);
  }
  if (job.wish !== undefined || !/^(audio|video)\/|^application\/ogg/.test(job.contentType))
    throw new Refused('unsupported', 'Only JPEG, PNG, GIF, WebP and AVIF images are looked at.');
  const { lookAtMedia } = await import('./look-at-media.ts');
  return lookAtMedia(job, read);
}

/** The library has a part for each platform, which may be missing on this one. */
async function images() {
  try {
    return await import('./look-at-image.ts');
  } catch (cause) {
    throw new Refused('unsupported', `Images cannot be looked at on this machine: ${firstLine(cause)}`);
  }
}

async function describe(): Promise<void> {
  try {
    const { imageVersions } = await images();
    say({ kind: 'described', text: imageVersions(), failure: undefined });
  } catch (error) {
    say({ kind: 'described', text: '', failure: firstLine(error) });
  }
}

function refusalOf(error: unknown) {
  if (error instanceof Refused) return { reason: error.reason, message: error.message };
  const message = firstLine(error);
  if (/out of memory|allocation failed|memory_allocator/i.test(message))
    return { reason: 'memory' as const, message: 'Looking at it takes more memory than it may.' };
  return { reason: 'damaged' as const, message: `It is cut short or broken: ${message.slice(0, 200)}` };
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n').find((line) => line.trim() !== '') ?? 'no reason was given';
}

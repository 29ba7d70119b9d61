import { Type } from 'typebox';
import type { Downloads } from '../downloads.ts';
import type { FileRecords } from '../file-records.ts';
import { identityOf } from '../media/identity.ts';
import { mediaSource } from '../media/media-source.ts';
import { isImage, isRefused, type Thumbnails } from '../media/thumbnails.ts';
import type { FileContent } from '../model/file.ts';
import type { MediaRecord } from '../model/media.ts';
import type { Clock } from '../ports/clock.ts';
import type { MediaTools } from '../ports/media-tools.ts';
import type { Metadata } from '../ports/metadata.ts';
import { PROBE } from './probe-payload.ts';
import type { TaskContext, TaskType } from './task-type.ts';

export interface ProbeDependencies {
  readonly metadata: Metadata;
  readonly records: FileRecords;
  readonly downloads: Downloads;
  readonly clock: Clock;
  readonly media: MediaWork;
}

export interface MediaWork {
  readonly tools: MediaTools;
  readonly thumbnails: Thumbnails;
  /** False: contents are looked at only when somebody asks for a thumbnail. */
  readonly probes: boolean;
  /** True: thumbnails of all sizes are made at once. */
  readonly eager: boolean;
}

const CONTENT_TYPES = ['image/*', 'audio/*', 'video/*', 'application/ogg'];
const schema = Type.Object({ uid: Type.String() });

/** Looks at an image, a film or a sound once its content is verified; equal contents once. */
export function probeType(dependencies: ProbeDependencies): TaskType<typeof schema> {
  const { records, media } = dependencies;
  const fitting = { contentTypes: CONTENT_TYPES };
  return {
    type: PROBE,
    schema,
    priority: 'low',
    concurrency: { process: 1 },
    on: media.probes
      ? [
          { event: 'file.ready', ...fitting },
          { event: 'file.verified', ...fitting },
        ]
      : [],
    handle: async ({ uid }, context) => {
      const content = await records.findFresh(uid);
      // What is not verified, or held back, comes again when it is.
      if (content?.file.state !== 'ready') return 'done';
      const identity = identityOf(content.file);
      if (identity === undefined) return 'done';
      const { refusal } = await probe(dependencies, content, identity, context);
      if (media.eager && refusal === undefined && isImage(content))
        await makeAll(media.thumbnails, content, context.signal);
      return 'done';
    },
  };
}

async function probe(
  { metadata, downloads, clock, media }: ProbeDependencies,
  content: FileContent,
  identity: string,
  { signal, commit }: TaskContext,
): Promise<MediaRecord> {
  const known = await metadata.media.find(identity);
  if (known !== undefined) return known;
  const { facts, refusal } = await media.tools.examine(mediaSource(downloads, content), signal);
  const { uid, manifestId } = content.file;
  const found = facts === undefined ? { facts, refusal } : { facts, refusal: undefined };
  const record: MediaRecord = { identity, uid, probedAt: clock.now(), ...found };
  await commit(async (repositories) => {
    if (await repositories.manifests.keep(manifestId)) await repositories.media.put(record);
  });
  return record;
}

async function makeAll(thumbnails: Thumbnails, content: FileContent, signal: AbortSignal): Promise<void> {
  for (const box of thumbnails.sizes) {
    try {
      await thumbnails.find(content, { box, format: 'webp' }, signal);
    } catch (error) {
      if (isRefused(error)) return;
      throw error;
    }
  }
}

import { Type } from 'typebox';
import { throwIfCancelled } from '../cancellation.ts';
import { uploadEvent } from '../events/facts.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata } from '../ports/metadata.ts';
import { abortOpen } from '../upload-state.ts';
import type { UploadTies } from '../upload-ties.ts';
import type { TaskType } from './task-type.ts';

const BATCH = 100;
const schema = Type.Object({});

/** Ends open uploads whose time is over and gives their parts to purge. */
export function expireUploadsType(options: {
  metadata: Metadata;
  clock: Clock;
  everyMs: number;
  ties?: UploadTies | undefined;
}): TaskType<typeof schema> {
  const { metadata, clock, ties } = options;
  return {
    type: 'expire-uploads',
    schema,
    everyMs: options.everyMs,
    handle: async (_payload, { signal, commit }) => {
      const expired = await metadata.uploads.expired(clock.now(), BATCH);
      for (const { uid } of expired) {
        throwIfCancelled(signal);
        await commit(async (repositories) => {
          const now = clock.now();
          const upload = await repositories.uploads.lock(uid);
          if (upload?.state !== 'open' || upload.expiresAt > now) return;
          await abortOpen(repositories, upload, now, ties);
          await repositories.events.append(uploadEvent('upload.expired', upload), now);
        });
      }
      return expired.length === BATCH ? 'again' : 'done';
    },
  };
}

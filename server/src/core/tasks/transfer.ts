import { Type } from 'typebox';
import type { MetadataWriter } from '../ports/metadata.ts';
import { type RelocationDependencies, relocate } from '../relocation.ts';
import { Throttle } from '../throttle.ts';
import type { TaskType } from './task-type.ts';
import { TRANSFER } from './transfer-payload.ts';

const schema = Type.Object({ blobId: Type.String(), from: Type.String(), to: Type.String() });

/** Brings one blob of a finished file to the store that a rule names for it. All transfers of a process share the limit. */
export function transferType(
  dependencies: RelocationDependencies & { readonly transferBytesPerSecond: number | undefined },
): TaskType<typeof schema> {
  const limit = dependencies.transferBytesPerSecond;
  const throttle = limit === undefined ? undefined : new Throttle(limit);
  return {
    type: TRANSFER,
    schema,
    precheck: async ({ blobId, from }) => {
      const blob = await dependencies.metadata.blobs.find(blobId);
      return blob?.placements.some(({ store }) => store === from) ?? false;
    },
    handle: async (job, { signal, commit }) => {
      const tell = async (work: (repositories: MetadataWriter) => Promise<boolean>) =>
        commit(async (repositories) => {
          const moved = await work(repositories);
          const event = { type: 'transfer.done', subject: job.blobId, data: job } as const;
          if (moved) await repositories.events.append(event, dependencies.clock.now());
          return moved;
        });
      await relocate(dependencies, job, { signal, throttle, commit: tell });
      return 'done';
    },
    failed: (job, reason) => ({ type: 'transfer.failed', subject: job.blobId, data: { ...job, reason } }),
  };
}

import { Type } from 'typebox';
import { throwIfCancelled } from '../cancellation.ts';
import { type EventRetention, removeOldEvents } from '../events/retention.ts';
import { deleteCondemned, deleteOrphans } from '../garbage.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata } from '../ports/metadata.ts';
import { deleteRetired } from '../retired.ts';
import type { Stores } from '../stores.ts';
import type { TaskType } from './task-type.ts';

const BATCH = 200;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Keys of deleted orphans stay reserved long enough that no put of that time can still be under way. */
const DOOMED_KEPT_MS = 7 * DAY_MS;
/** Ended uploads, idempotency records and expired links stay this long for questions. */
const HISTORY_KEPT_MS = 7 * DAY_MS;

const schema = Type.Object({});

/** Removes what nothing names for a grace time: manifests, blobs with their bytes, orphaned bytes, leftovers of puts, old rows and events. */
export function purgeType(options: {
  metadata: Metadata;
  stores: Stores;
  clock: Clock;
  everyMs: number;
  graceMs: number;
  /** False where each node sweeps its node-local stores itself. */
  sweepsAll: boolean;
  /** How long ended tasks are kept. */
  historyMs: number;
  /** How long entries of the audit log are kept. */
  auditMs: number;
  events: EventRetention;
}): TaskType<typeof schema> {
  const { metadata, stores, clock, graceMs, sweepsAll } = options;
  return {
    type: 'purge',
    schema,
    everyMs: options.everyMs,
    handle: async (_payload, { signal, commit, logger }) => {
      const now = clock.now();
      const cutoff = now - graceMs;
      /** Each step says how many things it looked at; what it has looked at it does not meet again. */
      const all = async (step: (limit: number) => Promise<number>): Promise<void> => {
        let looked: number;
        do {
          throwIfCancelled(signal);
          looked = await step(BATCH);
        } while (looked > 0);
      };
      const history = now - HISTORY_KEPT_MS;
      await all(async (limit) => (await commit((r) => r.manifests.removeIdle(cutoff, limit))).looked);
      const failures: unknown[] = [];
      const failed = (error: unknown) => {
        // One says enough, and a store that is down would make thousands.
        if (failures.length === 0) failures.push(error);
      };
      const blobs = await deleteCondemned({ metadata, stores, commit, cutoff, failed, signal });
      const retired = await deleteRetired({ metadata, stores, commit, cutoff, failed, now, signal });
      const swept = stores.names.filter((name) => sweepsAll || stores.nodeOf(name) === undefined);
      const orphans = await deleteOrphans({ metadata, stores, commit, cutoff, failed, now, signal }, swept);
      await all((limit) => commit((r) => r.files.removeDeleted(cutoff, limit)));
      await all((limit) => commit((r) => r.blobs.forgetDoomed(now - DOOMED_KEPT_MS, limit)));
      await all((limit) => commit((r) => r.uploads.removeEnded(history, limit)));
      await all((limit) => commit((r) => r.tasks.removeEnded(now - options.historyMs, limit)));
      await all((limit) => commit((r) => r.links.removeExpired(history, limit)));
      await all((limit) => commit((r) => r.shares.removeVisits(now, limit)));
      await all((limit) => commit((r) => r.shares.removeTries(now, limit)));
      await all((limit) => commit((r) => r.shares.removeTickets(now, limit)));
      await all((limit) => commit((r) => r.audit.removeOld(now - options.auditMs, limit)));
      await all((limit) => commit((r) => r.idempotency.removeOld(history, limit)));
      await all((limit) => commit((r) => r.possession.removeExpired(now, limit)));
      await all((limit) => commit((r) => r.identities.removeExpired(now, limit)));
      await all((limit) => commit((r) => r.sessions.removeOld(now, limit)));
      await all((limit) => commit((r) => r.oneTimeTokens.removeExpired(now, limit)));
      await all((limit) => commit((r) => r.attempts.removeExpired(now, limit)));
      const events = await removeOldEvents({ ...options.events, metadata, commit, now, signal });
      if (blobs + retired + orphans + events > 0) logger.info({ blobs, retired, orphans, events }, 'purged');
      if (failures.length > 0) throw failures[0];
      return 'done';
    },
  };
}

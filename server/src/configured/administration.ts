import { COMMAND } from '#core/audit/caller.ts';
import type { Core } from '#core/core.ts';
import type { Service } from '../commands/context.ts';

type WithIds = <T>(work: () => Promise<T>) => Promise<T>;

type Administration = Pick<
  Service,
  'keys' | 'moves' | 'held' | 'tasks' | 'sinks' | 'scrub' | 'media' | 'audit'
>;

/** What administrators do by commands, which the audit log has as done by one; ids are made while `withIds` holds. */
export function commandAdministration(core: Core, withIds: WithIds): Administration {
  const { keys, moves, holds, tasks, sinks, scrub, mediaBoard, audit } = core;
  return {
    keys: {
      create: (wanted) => keys.create(wanted, COMMAND),
      list: () => keys.list(),
      revoke: (id) => keys.revoke(id, COMMAND),
      rotate: (id, overlapSeconds) => keys.rotate(id, overlapSeconds, COMMAND),
    },
    moves: {
      create: (wanted) => withIds(() => moves.create(wanted, COMMAND)),
      list: () => moves.list(),
      report: (id) => moves.report(id),
      pause: (id) => moves.pause(id, COMMAND),
      resume: (id) => withIds(() => moves.resume(id, COMMAND)),
      cancel: (id) => moves.cancel(id, COMMAND),
    },
    held: {
      list: (after, limit) => holds.list(after, limit),
      release: (uid) => withIds(() => holds.release(uid, COMMAND)),
      reject: (uid, reason) => withIds(() => holds.reject(uid, reason, COMMAND)),
    },
    tasks: {
      list: (filter, limit) => tasks.list(filter, limit),
      report: (id) => tasks.report(id),
      retry: (id) => tasks.retry(id, COMMAND),
      cancel: (id, reason) => tasks.cancel(id, COMMAND, reason),
      types: () => tasks.types(),
      pause: (type) => tasks.pause(type, COMMAND),
      resume: (type) => tasks.resume(type, COMMAND),
    },
    sinks: {
      list: () => sinks.list(),
      enable: (name) => sinks.enable(name, COMMAND),
      disable: (name) => sinks.disable(name, COMMAND),
      parked: (name, after, limit) => sinks.parked(name, after, limit),
      redrive: (name, positions) => sinks.redrive(name, positions, COMMAND),
      discard: (name, positions) => sinks.discard(name, positions, COMMAND),
    },
    scrub: { report: () => scrub.report(), start: () => scrub.start(COMMAND) },
    media: {
      refused: (reason, limit) => mediaBoard.refused(reason, limit),
      redrive: (reason) => withIds(() => mediaBoard.redrive(reason, COMMAND)),
    },
    audit: {
      list: (filter, after, limit) => audit.list(filter, after, limit),
      walk: (filter, signal) => audit.walk(filter, signal),
    },
  };
}

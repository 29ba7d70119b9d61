import { PRIORITY_STEP_MS, TASK_PRIORITIES, type TaskRecord } from '../model/task.ts';
import type { Claimer, TaskHead } from '../ports/metadata/tasks.ts';
import type { Metadata } from '../ports/metadata.ts';

/** The heads that are due, in the order in which their tasks go: each level of priority counts as PRIORITY_STEP_MS of waiting. */
export function inOrder(heads: readonly TaskHead[], now: number): readonly TaskHead[] {
  const rank = ({ runAt, priority }: TaskHead) =>
    runAt - TASK_PRIORITIES.indexOf(priority) * PRIORITY_STEP_MS;
  return heads.filter(({ dueAt }) => dueAt <= now).sort((a, b) => rank(a) - rank(b) || a.runAt - b.runAt);
}

/** Leases the due task of these types whose turn it is. undefined: none is due, or others are at it, or the types are paused or full. */
export async function claimNext(
  metadata: Metadata,
  types: readonly string[],
  claimer: Claimer,
): Promise<TaskRecord | undefined> {
  const due = inOrder(await metadata.tasks.heads(types), claimer.now);
  if (due.length === 0) return undefined;
  return metadata.transaction((repositories) => repositories.tasks.claim(due, claimer));
}

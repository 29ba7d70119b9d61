import type { Insertable, Selectable } from 'kysely';
import {
  TASK_PRIORITIES,
  type TaskAttempt,
  type TaskPriority,
  type TaskProgress,
  type TaskRecord,
  type TaskState,
} from '#core/model/task.ts';
import type { Int } from './columns.ts';
import { fromId, optionalNumber, optionalText, toNumber } from './convert.ts';
import type { TaskAttemptTable, TaskTable } from './work-rows.ts';

/** What a task record is read from. */
export const TASK_COLUMNS = [
  'id',
  'type',
  'key',
  'payload',
  'state',
  'priority',
  'run_at',
  'attempts',
  'max_attempts',
  'fence',
  'node',
  'lease_until',
  'last_error',
  'progress',
  'cancel_at',
  'cancel_reason',
  'created_at',
  'updated_at',
  'ended_at',
] as const;

export type TaskRow = Pick<Selectable<TaskTable>, (typeof TASK_COLUMNS)[number]>;
export type NewTaskRow = Required<Insertable<TaskTable>>;

export function taskOf(row: TaskRow): TaskRecord {
  return {
    id: fromId(row.id),
    type: row.type,
    key: row.key,
    payload: JSON.parse(row.payload) as unknown,
    state: row.state as TaskState,
    priority: priorityOf(row.priority),
    runAt: toNumber(row.run_at),
    attempts: toNumber(row.attempts),
    maxAttempts: toNumber(row.max_attempts),
    fence: toNumber(row.fence),
    node: optionalText(row.node),
    leaseUntil: optionalNumber(row.lease_until),
    lastError: optionalText(row.last_error),
    progress: row.progress === null ? undefined : (JSON.parse(row.progress) as TaskProgress),
    cancelAt: optionalNumber(row.cancel_at),
    createdAt: toNumber(row.created_at),
    updatedAt: toNumber(row.updated_at),
    endedAt: optionalNumber(row.ended_at),
  };
}

export function attemptOf(row: Selectable<TaskAttemptTable>): TaskAttempt {
  return {
    taskId: fromId(row.task_id),
    fence: toNumber(row.fence),
    node: row.node,
    startedAt: toNumber(row.started_at),
    finishedAt: optionalNumber(row.finished_at),
    outcome: row.outcome as TaskAttempt['outcome'],
    error: optionalText(row.error),
  };
}

export function liveKeyOf({ type, key }: { readonly type: string; readonly key: string }): string {
  return `${type}:${key}`;
}

export function priorityOf(level: Int): TaskPriority {
  return TASK_PRIORITIES[toNumber(level)] ?? 'normal';
}

export function levelOf(priority: TaskPriority): number {
  return TASK_PRIORITIES.indexOf(priority);
}

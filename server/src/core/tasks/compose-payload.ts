import type { NewTask } from '../model/task.ts';
import type { Uid } from '../model/uid.ts';

export const COMPOSE = 'compose';

export interface ComposePayload {
  readonly uid: Uid;
  readonly manifestId: string;
}

/** The task that verifies, and where it pays joins, the parts of a completed file. */
export function composeTask(uid: Uid, manifestId: string, maxAttempts: number): NewTask {
  const payload: ComposePayload = { uid, manifestId };
  return { type: COMPOSE, key: uid, payload, maxAttempts };
}

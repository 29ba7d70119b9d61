import type { NewTask } from '../model/task.ts';
import type { Uid } from '../model/uid.ts';

export const COMPOSE = 'compose';

interface ComposePayload {
  readonly uid: Uid;
  readonly manifestId: string;
  /** Where the parts went, and where the verified file goes on to. */
  readonly store?: string | undefined;
  readonly transferTo?: string | undefined;
}

/** The task that verifies, and where it pays joins, the parts of a completed file. */
export function composeTask(payload: ComposePayload, maxAttempts: number): NewTask {
  return { type: COMPOSE, key: payload.uid, payload, maxAttempts };
}

import type { NewTask } from '../model/task.ts';
import type { Uid } from '../model/uid.ts';

export const PROBE = 'probe';

/** The task that looks at the content of a file again. */
export function probeTask(uid: Uid, maxAttempts: number): NewTask {
  return { type: PROBE, key: `again/${uid}`, payload: { uid }, maxAttempts };
}

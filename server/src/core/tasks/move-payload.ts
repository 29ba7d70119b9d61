import type { MoveRecord } from '../model/move.ts';
import type { NewTask } from '../model/task.ts';

export const MOVE = 'move';

/** A store may be away for days; each batch that works begins the count anew. */
const ATTEMPTS = 10_000;

/** Each run has a task of its own, so that a run that is ending cannot swallow the next. */
export function moveTask({ id, run }: Pick<MoveRecord, 'id' | 'run'>): NewTask {
  return { type: MOVE, key: `${id}/${run}`, payload: { moveId: id, run }, maxAttempts: ATTEMPTS };
}

import { Type } from 'typebox';
import type { FileRecords } from '../file-records.ts';
import { decideHold, type Verdict } from '../holds.ts';
import type { FileContent } from '../model/file.ts';
import type { Clock } from '../ports/clock.ts';
import type { Metadata } from '../ports/metadata.ts';
import type { TaskContext, TaskType } from './task-type.ts';
import type { Trigger } from './trigger.ts';

interface Judging {
  readonly metadata: Metadata;
  readonly records: FileRecords;
  readonly clock: Clock;
}

/** One who looks at held files. */
export interface Judge {
  readonly type: string;
  /** Which files it looks at. */
  readonly match: Omit<Trigger, 'event' | 'holds' | 'payload' | 'key'>;
  readonly attempts?: number | undefined;
  /** A throw is no verdict: the file stays held, and the task is tried again. */
  judge(content: FileContent, context: TaskContext): Promise<Verdict>;
}

const schema = Type.Object({ uid: Type.String() });

/** The task that asks a judge about one held file, and writes what it says while this attempt still holds the task. */
export function judgingType(
  { metadata, records, clock }: Judging,
  { type, match, attempts, judge }: Judge,
): TaskType<typeof schema> {
  const isOpen = async (uid: string) => (await metadata.holds.of(uid)).some((hold) => hold.type === type);
  return {
    type,
    schema,
    on: [{ ...match, event: 'file.ready', holds: true }],
    ...(attempts === undefined ? {} : { attempts }),
    precheck: ({ uid }) => isOpen(uid),
    handle: async ({ uid }, context) => {
      const content = await records.findFresh(uid);
      if (content?.file.state !== 'held') return 'done';
      const verdict = await judge(content, context);
      await context.commit((repositories) => decideHold(repositories, { uid, type }, verdict, clock.now()));
      await records.changed(uid);
      return 'done';
    },
  };
}

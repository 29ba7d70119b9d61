// A node of a test: runs tasks of a few types from the database of its arguments, and says line by line what its handlers do.
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from 'typebox';
import { isOsproxyError } from '#core/errors.ts';
import { systemClock } from '#core/ports/clock.ts';
import { silentTelemetry } from '#core/ports/telemetry.ts';
import { Snowflakes } from '#core/snowflake.ts';
import { TaskRunner } from '#core/tasks/runner.ts';
import { TaskSignals } from '#core/tasks/task-signals.ts';
import type { TaskContext, TaskType } from '#core/tasks/task-type.ts';
import { DatabaseCoordinator } from '#drivers/coordinator/database.ts';
import { openMetadata } from '#drivers/metadata/index.ts';
import { quiet } from '#test/core/rig.ts';

const [url = '', node = '', worker = '1', concurrency = '4', leaseMs = '1000'] = process.argv.slice(2);

function say(what: string, { task }: TaskContext): void {
  writeSync(
    1,
    `${JSON.stringify({ what, type: task.type, id: task.id, fence: task.fence, at: Date.now() })}\n`,
  );
}

/** The effect of a task is one event, which a test can count. */
async function effect(context: TaskContext): Promise<void> {
  const { id: subject } = context.task;
  const event = { type: 'file.ready', subject, owner: 'o', data: {} } as const;
  try {
    await context.commit(({ events }) => events.append(event, Date.now()));
    say('effect', context);
  } catch (error) {
    if (isOsproxyError(error, 'Conflict')) say('refused', context);
    throw error;
  }
}

function typeOf(type: string, workMs: number, more: Partial<TaskType> = {}): TaskType {
  return {
    ...{ type, schema: Type.Object({}), ...more },
    handle: async (_payload, context) => {
      say('begin', context);
      context.progress({ done: 1, total: 2, unit: 'steps' });
      const signal = type === 'stubborn' ? undefined : context.signal;
      await sleep(workMs, undefined, { signal });
      await effect(context);
      say('end', context);
      return 'done';
    },
  };
}

const types = [
  typeOf('quick', 5),
  typeOf('slow', 300),
  typeOf('single', 40, { concurrency: { cluster: 1 } }),
  typeOf('long', 60_000),
  typeOf('stubborn', 3000),
];

const metadata = await openMetadata(url, { logger: quiet });
const ids = new Snowflakes(systemClock);
ids.reserve({ worker: Number(worker), floor: 0, reservedUntil: Number.MAX_SAFE_INTEGER });
const coordinator = new DatabaseCoordinator({ metadata, clock: systemClock, logger: quiet });
const runner = new TaskRunner({
  ...{ metadata, types, node, ids, clock: systemClock, logger: quiet, telemetry: silentTelemetry },
  ...{ concurrency: Number(concurrency), leaseMs: Number(leaseMs), cancelGraceMs: 500 },
  signals: new TaskSignals({ coordinator, logger: quiet }),
});
await runner.start();
writeSync(1, `${JSON.stringify({ what: 'started', type: '', id: '', fence: 0, at: Date.now() })}\n`);
// The timers of the runner do not keep a process alive.
setInterval(() => {}, 1000);

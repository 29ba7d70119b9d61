import { type TSchema, Type } from 'typebox';
import { section, text, whole } from './builders.ts';

/** Values by the names of types of tasks. */
function byType<T extends TSchema>(value: T, allowed: string, example: string, description: string) {
  return Type.Record(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' }), value, {
    default: {},
    additionalProperties: false,
    allowed: `an object of types of tasks and ${allowed}, such as ${example}`,
    defaultText: 'empty',
    description,
  });
}

const limit = Type.Integer({ minimum: 1, maximum: 1000 });

export const tasksSettings = section(
  {
    concurrency: whole(1, 64, 2, 'tasks', 'Background tasks that run at once in each process.'),
    processLimits: byType(
      limit,
      'whole numbers from 1 to 1000',
      '`{"transfer": 1}`',
      'Most tasks of a type that run at once in each process.',
    ),
    clusterLimits: byType(
      limit,
      'whole numbers from 1 to 1000',
      '`{"move": 1}`',
      'Most tasks of a type that run at once on all nodes together.',
    ),
    schedules: byType(
      Type.String({ minLength: 1, maxLength: 255 }),
      'cron expressions',
      '`{"purge": "0 3 * * *"}`',
      'When recurring work runs, instead of its usual interval: minute, hour, day of month, month and day of week.',
    ),
    timeZone: text('Time zone of `tasks.schedules`, such as `Europe/Berlin`.', { default: 'UTC' }),
    leaseSeconds: whole(
      5,
      3600,
      30,
      'seconds',
      'A task whose process is silent for this long is taken over.',
    ),
    maxAttempts: whole(1, 100, 8, 'attempts', 'Attempts after which a task is failed for good.'),
    handlers: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      maxItems: 64,
      description:
        'Paths of modules with background work of your own, such as `./my-task.ts`, relative to the configuration file; the same on every node. docs/write-a-task.md says how.',
    }),
    historyHours: whole(1, 8760, 168, 'hours', 'Tasks that have ended are kept for so long.'),
  },
  'Durable background work; docs/background-work.md says what there is.',
);

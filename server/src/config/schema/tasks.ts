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
    leftToWorkers: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      maxItems: 256,
      description:
        'Types of tasks that processes with HTTP leave to `osproxy worker`; `*` stands for all. What belongs to a node stays with it.',
    }),
    dispatch: Type.Enum(['database', 'rabbitmq'], {
      default: 'database',
      description:
        'How processes hear of tasks: from the database and each other, or by `rabbitmq.url` as well. Tasks are in the database in both cases.',
    }),
    queuePrefix: text(
      'In front of the names of exchanges and queues for tasks. Installations that share a broker need different ones.',
      {
        default: 'osproxy.tasks',
        pattern: '^[A-Za-z0-9_.:-]{1,64}$',
        allowed: '1 to 64 letters, digits, dashes, underscores, dots or colons',
      },
    ),
    worker: section(
      {
        types: Type.Array(Type.String({ minLength: 1 }), {
          default: [],
          maxItems: 256,
          description: 'Types of tasks that it runs; all when empty.',
        }),
        host: text('Address of /healthz, /readyz and /metrics.', { default: '127.0.0.1' }),
        port: Type.Optional(
          Type.Integer({
            minimum: 0,
            maximum: 65_535,
            unit: 'port',
            description: 'Port of /healthz, /readyz and /metrics; 0 lets the system choose one.',
            defaultText: 'none; it listens nowhere',
          }),
        ),
      },
      'A process of `osproxy worker`; `tasks.concurrency` says how many tasks it runs at once.',
    ),
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

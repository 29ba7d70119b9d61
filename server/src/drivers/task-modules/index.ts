import { type TSchema, Type } from 'typebox';
import { Check } from 'typebox/value';
import { CATEGORIES } from '#core/categories.ts';
import { OsproxyError } from '#core/errors.ts';
import { EVENT_TYPES } from '#core/model/event.ts';
import { TASK_PRIORITIES } from '#core/model/task.ts';
import type { OwnTask } from '#core/tasks/own-task.ts';
import { loadDefault, reasonOf } from '../load-module.ts';

/** Events of files, uploads and links; what follows from others would be about no file. */
const TRIGGERING = EVENT_TYPES.filter((type) => /^(file|upload|link)\./.test(type));

const SAMPLE_UID = '482913374719606784';
const limit = Type.Integer({ minimum: 1, maximum: 1000 });
const names = Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 256 });

const triggerFields = {
  event: [Type.Enum([...TRIGGERING]), `one of ${TRIGGERING.join(', ')}`],
  categories: [
    Type.Array(Type.Enum([...CATEGORIES]), { minItems: 1 }),
    `a list of some of ${CATEGORIES.join(', ')}`,
  ],
  contentTypes: [names, 'a list of media types such as application/pdf or image/*'],
  owners: [names, 'a list of owners'],
  maxSize: [Type.Integer({ minimum: 0 }), 'a number of bytes'],
  holds: [Type.Boolean(), 'true or false'],
} as const satisfies Fields;

const fields = {
  type: [
    Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }),
    'a name of 1 to 63 small letters, digits and dashes that begins with a letter',
  ],
  schema: [Type.Object({ type: Type.Literal('object') }), 'a JSON schema of an object'],
  handle: [Type.Unsafe({ type: 'function' }), 'a function'],
  on: [Type.Array(Type.Object({}), { minItems: 1, maxItems: 16 }), 'a list of triggers'],
  everySeconds: [
    Type.Integer({ minimum: 1, maximum: 31_536_000 }),
    'a whole number of seconds from 1 to 31536000',
  ],
  schedule: [Type.String({ minLength: 1 }), 'a cron expression such as 0 3 * * *'],
  priority: [Type.Enum([...TASK_PRIORITIES]), `one of ${TASK_PRIORITIES.join(', ')}`],
  concurrency: [
    Type.Object(
      { process: Type.Optional(limit), cluster: Type.Optional(limit) },
      { additionalProperties: false },
    ),
    'an object with process and cluster, whole numbers from 1 to 1000',
  ],
  attempts: [Type.Integer({ minimum: 1, maximum: 1000 }), 'a whole number from 1 to 1000'],
  timeoutSeconds: [
    Type.Integer({ minimum: 1, maximum: 604_800 }),
    'a whole number of seconds from 1 to 604800',
  ],
  precheck: [Type.Unsafe({ type: 'function' }), 'a function'],
} as const satisfies Fields;

type Fields = Readonly<Record<string, readonly [TSchema, string]>>;

/** Loads the handler that a module exports as its default. Throws InvalidArgument with one sentence that says what is wrong with it. */
export async function loadTask(path: string): Promise<OwnTask> {
  const exported = await loadDefault(path);
  const wrong = whatIsWrong(exported);
  if (wrong !== undefined) throw new OsproxyError('InvalidArgument', `The module ${path} ${wrong}.`);
  return exported as OwnTask;
}

function whatIsWrong(exported: unknown): string | undefined {
  if (typeof exported !== 'object' || exported === null)
    return 'must export a task as its default: an object with type, schema and handle';
  const task = exported as OwnTask;
  const wrong = wrongField(fields, ['type', 'schema', 'handle'], task, '');
  if (wrong !== undefined) return wrong;
  for (const [index, trigger] of (task.on ?? []).entries()) {
    const inTrigger = wrongField(triggerFields, ['event'], trigger, `on[${index}].`);
    if (inTrigger !== undefined) return inTrigger;
  }
  return wrongTogether(task);
}

function wrongField(
  known: Fields,
  required: readonly string[],
  given: object,
  at: string,
): string | undefined {
  for (const name of required) if (!Object.hasOwn(given, name)) return `lacks ${at}${name}`;
  for (const [name, value] of Object.entries(given)) {
    const field = Object.hasOwn(known, name) ? known[name] : undefined;
    if (field === undefined)
      return `has ${at}${name}, which means nothing; there is ${Object.keys(known).join(', ')}`;
    const [schema, allowed] = field;
    const fits = 'type' in schema && schema.type === 'function' ? isFunction(value) : Check(schema, value);
    if (!fits) return `has a wrong ${at}${name}: it must be ${allowed}`;
  }
  return undefined;
}

function wrongTogether({ on = [], schema, everySeconds, schedule }: OwnTask): string | undefined {
  const recurs = everySeconds !== undefined || schedule !== undefined;
  const holding = on.filter(({ holds }) => holds === true);
  if (holding.some(({ event }) => event !== 'file.ready'))
    return 'holds files with another event than file.ready';
  if (holding.length > 0 && (on.length > 1 || recurs))
    return 'holds files, and so must have no other trigger and no everySeconds or schedule';
  if (everySeconds !== undefined && schedule !== undefined)
    return 'has both everySeconds and a schedule; it may have one of them';
  try {
    if (on.length > 0 && !Check(schema, { uid: SAMPLE_UID }))
      return 'has a schema that does not fit what its trigger gives, such as { "uid": "482913374719606784" }';
    if (recurs && !Check(schema, {}))
      return 'has a schema that does not fit what a recurring task is given: {}';
    Check(schema, {});
  } catch (error) {
    return `has a schema that cannot be used: ${reasonOf(error)}`;
  }
  return undefined;
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

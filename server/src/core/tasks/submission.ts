import type { TSchema } from 'typebox';
import { Errors } from 'typebox/value';
import type { AuditLog } from '../audit/audit-log.ts';
import { OsproxyError } from '../errors.ts';
import type { Caller } from '../model/audit.ts';
import type { TaskRecord } from '../model/task.ts';
import type { Clock } from '../ports/clock.ts';
import type { IdSource } from '../ports/ids.ts';
import type { Metadata } from '../ports/metadata.ts';
import type { TaskType } from './task-type.ts';

export interface SubmittedTask {
  readonly type: string;
  readonly payload: unknown;
  /** At most one task of a type and key waits or runs; any number when left out. */
  readonly key?: string | undefined;
  /** Milliseconds since the epoch; default: now. */
  readonly runAt?: number | undefined;
}

interface SubmissionOptions {
  readonly metadata: Metadata;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly audit: AuditLog;
  /** Those that may be submitted. */
  readonly types: readonly TaskType[];
  readonly settings: { readonly taskAttempts: number };
}

/** Work that somebody asks for, of a type that was made for it. */
export class TaskSubmission {
  readonly #options: SubmissionOptions;

  constructor(options: SubmissionOptions) {
    this.#options = options;
  }

  /** Throws InvalidArgument for another type or a payload that does not fit it, Conflict while a task of this type and key waits or runs. */
  async submit({ type: name, payload, key, runAt }: SubmittedTask, caller: Caller): Promise<TaskRecord> {
    const { metadata, ids, clock, settings, audit } = this.#options;
    const type = this.#typeOf(name);
    refuseMisfit(type.schema, payload);
    const id = ids.next();
    const task = {
      ...{ type: name, key: key === undefined ? `submitted/${id}` : `submitted/${key}`, payload },
      maxAttempts: type.attempts ?? settings.taskAttempts,
      ...(runAt === undefined ? {} : { runAt }),
    };
    const made = await metadata.transaction(async (repositories) => {
      const added = await repositories.tasks.enqueue(id, task, clock.now());
      if (!added) return undefined;
      const subject = { kind: 'task', id } as const;
      const detail = { type: name, key: task.key };
      await audit.note(repositories, caller, { action: 'task.submitted', subject, detail });
      return repositories.tasks.find(id);
    });
    if (made === undefined) {
      throw new OsproxyError('Conflict', `A task of type "${name}" with this key waits or runs already.`, {
        details: { type: name, key },
      });
    }
    return made;
  }

  #typeOf(name: string): TaskType {
    const { types } = this.#options;
    const type = types.find((one) => one.type === name);
    if (type !== undefined) return type;
    const known = types.map((one) => `"${one.type}"`).join(', ');
    const advice = known === '' ? 'none of this installation may be' : `there is ${known}`;
    throw new OsproxyError(
      'InvalidArgument',
      `"${name}" is no type of task that may be submitted; ${advice}.`,
      {
        details: { field: 'type' },
      },
    );
  }
}

function refuseMisfit(schema: TSchema, payload: unknown): void {
  const [first] = Errors(schema, payload);
  if (first === undefined) return;
  const where = first.instancePath.replaceAll('/', '.');
  throw new OsproxyError('InvalidArgument', `payload${where} ${first.message}.`, {
    details: { field: `payload${where}` },
  });
}

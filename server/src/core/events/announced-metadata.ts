import type { EventType, NewEvent } from '../model/event.ts';
import type { AddedTask, TaskPriority } from '../model/task.ts';
import type { Metadata, MetadataWriter } from '../ports/metadata.ts';

/** What follows from an event or a new task. */
export interface Listeners {
  /** Called inside the transaction that appended the event: what it writes becomes true together with the event, or neither does. */
  readonly within?: (event: NewEvent, at: number, repositories: MetadataWriter) => Promise<void> | undefined;
  /** Called after each commit that appended events, with their types. */
  readonly after: (types: readonly EventType[]) => void;
  /** Called after each commit that added tasks. */
  readonly enqueued?: (tasks: readonly AddedTask[]) => void;
  /** What a task without a priority of its own gets. */
  readonly priorityOf?: (type: string) => TaskPriority;
}

/** The same metadata, whose events and new tasks are heard of. */
export function announced(metadata: Metadata, listeners: Listeners): Metadata {
  const { within, after, priorityOf } = listeners;
  const transaction = async <T>(work: (repositories: MetadataWriter) => Promise<T>): Promise<T> => {
    let appended: EventType[] = [];
    let enqueued: AddedTask[] = [];
    const result = await metadata.transaction((repositories) => {
      appended = [];
      enqueued = [];
      const { events, tasks } = repositories;
      const append: typeof events.append = async (event, at) => {
        appended.push(event.type);
        await events.append(event, at);
        await within?.(event, at, heard);
      };
      const appendMany: typeof events.appendMany = async (many, at) => {
        for (const { type } of many) appended.push(type);
        await events.appendMany(many, at);
        for (const event of many) await within?.(event, at, heard);
      };
      const enqueue: typeof tasks.enqueue = async (id, task, now) => {
        const priority = task.priority ?? priorityOf?.(task.type);
        const added = await tasks.enqueue(id, priority === undefined ? task : { ...task, priority }, now);
        if (added) enqueued.push({ ...task, id });
        return added;
      };
      const own = {
        events: overriding(events, { append, appendMany }),
        tasks: overriding(tasks, { enqueue }),
      };
      const heard = overriding(repositories, own);
      return work(heard);
    });
    if (appended.length > 0) after(appended);
    if (enqueued.length > 0) listeners.enqueued?.(enqueued);
    return result;
  };
  return overriding(metadata, { transaction });
}

/** An object that has the members of `own` and else those of `base`, called on `base`. */
function overriding<T extends object>(base: T, own: Partial<T>): T {
  return new Proxy(base, {
    get: (target, name) => {
      if (Object.hasOwn(own, name)) return own[name as keyof T];
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

import type { EventType, NewEvent } from '../model/event.ts';
import type { Metadata, MetadataWriter } from '../ports/metadata.ts';

/** What follows from an event. */
export interface Listeners {
  /** Called inside the transaction that appended the event: what it writes becomes true together with the event, or neither does. */
  readonly within?: (event: NewEvent, at: number, repositories: MetadataWriter) => Promise<void> | undefined;
  /** Called after each commit that appended events, with their types. */
  readonly after: (types: readonly EventType[]) => void;
}

/** The same metadata, whose events are heard of. */
export function announced(metadata: Metadata, { within, after }: Listeners): Metadata {
  const transaction = async <T>(work: (repositories: MetadataWriter) => Promise<T>): Promise<T> => {
    let appended: EventType[] = [];
    const result = await metadata.transaction((repositories) => {
      appended = [];
      const { events } = repositories;
      const append: typeof events.append = async (event, at) => {
        appended.push(event.type);
        await events.append(event, at);
        await within?.(event, at, repositories);
      };
      return work(overriding(repositories, { events: overriding(events, { append }) }));
    });
    if (appended.length > 0) after(appended);
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

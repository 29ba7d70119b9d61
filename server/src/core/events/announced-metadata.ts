import type { EventType } from '../model/event.ts';
import type { Metadata, MetadataWriter } from '../ports/metadata.ts';

/** The same metadata, which calls `onAppended` after each commit that appended events, with their types. */
export function announced(metadata: Metadata, onAppended: (types: readonly EventType[]) => void): Metadata {
  const transaction = async <T>(work: (repositories: MetadataWriter) => Promise<T>): Promise<T> => {
    let appended: EventType[] = [];
    const result = await metadata.transaction((repositories) => {
      appended = [];
      const { events } = repositories;
      const append: typeof events.append = (event, at) => {
        appended.push(event.type);
        return events.append(event, at);
      };
      return work(overriding(repositories, { events: overriding(events, { append }) }));
    });
    if (appended.length > 0) onAppended(appended);
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

import type { Entry } from '../model/entry.ts';
import type { EventType, NewEvent } from '../model/event.ts';
import { ownerOfUser } from '../model/principal.ts';

/** An event of an entry; what is in a folder goes with it, and is not told of by itself. */
export function entryEvent(
  type: EventType,
  entry: Entry,
  extra: Readonly<Record<string, unknown>> = {},
): NewEvent {
  const { id, kind, name, parentId, size, contentType, version } = entry;
  const content = kind === 'file' ? { size, contentType, version } : {};
  return {
    type,
    subject: id,
    owner: ownerOfUser(entry.userId),
    data: { id, kind, name, parentId, ...content, ...extra },
  };
}

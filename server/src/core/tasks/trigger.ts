import type { Category } from '../categories.ts';
import type { EventType, NewEvent } from '../model/event.ts';

/** An event that leaves a task; every given condition must hold, and those about a file never hold for an event of something else. */
export interface Trigger {
  readonly event: EventType;
  readonly categories?: readonly Category[];
  /** Media types such as `image/png`, or a whole kind such as `image/*`. */
  readonly contentTypes?: readonly string[];
  readonly owners?: readonly string[];
  /** Bytes, inclusive. */
  readonly maxSize?: number;
  /** Only with `file.ready`: the file is not readable, and nobody else is told that it is ready, before the task has said so. */
  readonly holds?: boolean;
  /** The payload of the task; default: `{ uid }` for events of files, uploads and links, `{ subject }` for all others. */
  readonly payload?: (event: NewEvent) => unknown;
  /** Its key. Default: event and subject, and the task itself where the event can come again, so that none goes under while an earlier one is at work. */
  readonly key?: (event: NewEvent) => string;
}

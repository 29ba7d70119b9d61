import { categoryOf } from '../categories.ts';
import type { EventType, NewEvent } from '../model/event.ts';
import { extensionOf } from '../names.ts';
import type { IdSource } from '../ports/ids.ts';
import type { MetadataWriter } from '../ports/metadata.ts';
import type { TaskType } from './task-type.ts';
import type { Trigger } from './trigger.ts';

/** What a subject goes through once at most. */
const ONCE: ReadonlySet<EventType> = new Set<EventType>([
  'upload.created',
  'upload.expired',
  'file.held',
  'file.ready',
  'file.verified',
  'file.rejected',
  'file.deleted',
]);
const OF_UIDS: ReadonlySet<string> = new Set(['file', 'upload', 'link']);

/** What a file that has to be looked at becomes first. */
const HELD: EventType = 'file.held';
const NONE: readonly Bound[] = [];

interface Bound {
  readonly type: string;
  readonly trigger: Trigger;
  readonly maxAttempts: number;
}

/** Which tasks follow from which events. */
export class Triggers {
  readonly #byEvent = new Map<EventType, Bound[]>();
  readonly #ids: IdSource;

  constructor(
    types: readonly TaskType[],
    options: { readonly ids: IdSource; readonly taskAttempts: number },
  ) {
    this.#ids = options.ids;
    for (const { type, on = [], attempts: maxAttempts = options.taskAttempts } of types) {
      for (const trigger of on) {
        const event = trigger.holds === true ? HELD : trigger.event;
        const bound = this.#byEvent.get(event) ?? [];
        bound.push({ type, trigger, maxAttempts });
        this.#byEvent.set(event, bound);
      }
    }
  }

  /** Types of tasks that hold back the file that the event makes ready. */
  holding(ready: NewEvent, except?: string): readonly string[] {
    const bound = this.#byEvent.get(HELD) ?? NONE;
    const holders = bound.filter(({ type, trigger }) => trigger.holds === true && type !== except);
    return holders.length === 0
      ? []
      : [...new Set(holders.filter(({ trigger }) => matches(trigger, ready)).map(({ type }) => type))];
  }

  /** Leaves the tasks that follow from the event; undefined where none can. Belongs to the transaction that appends it. `except` is a type whose own doing the event is. */
  follow(
    event: NewEvent,
    at: number,
    repositories: MetadataWriter,
    except?: string,
  ): Promise<void> | undefined {
    const bound = this.#byEvent.get(event.type);
    if (bound === undefined) return undefined;
    const others = except === undefined ? bound : bound.filter(({ type }) => type !== except);
    return this.#enqueue(others, event, at, repositories);
  }

  async #enqueue(
    bound: readonly Bound[],
    event: NewEvent,
    at: number,
    repositories: MetadataWriter,
  ): Promise<void> {
    for (const { type, trigger, maxAttempts } of bound) {
      if (!matches(trigger, event)) continue;
      const id = this.#ids.next();
      const payload = trigger.payload?.(event) ?? defaultPayload(event);
      const key = trigger.key?.(event) ?? defaultKey(event, id);
      await repositories.tasks.enqueue(id, { type, key, payload, maxAttempts }, at);
    }
  }
}

function defaultPayload({ type, subject }: Pick<NewEvent, 'type' | 'subject'>): unknown {
  return OF_UIDS.has(type.split('.')[0] ?? '') ? { uid: subject } : { subject };
}

function defaultKey({ type, subject }: NewEvent, id: string): string {
  return ONCE.has(type) ? `${type}/${subject}` : `${type}/${subject}/${id}`;
}

function matches(trigger: Trigger, { owner, data }: NewEvent): boolean {
  const { categories, contentTypes, owners, maxSize } = trigger;
  const { name, contentType, size } = data;
  if (owners !== undefined && (owner === undefined || !owners.includes(owner))) return false;
  if (maxSize !== undefined && (typeof size !== 'number' || size > maxSize)) return false;
  if (categories !== undefined) {
    if (typeof name !== 'string' || !categories.includes(categoryOf(extensionOf(name)))) return false;
  }
  if (contentTypes === undefined) return true;
  return typeof contentType === 'string' && contentTypes.some((wanted) => fits(wanted, contentType));
}

/** Parameters such as a charset are not compared. */
function fits(wanted: string, contentType: string): boolean {
  const essence = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  return wanted.endsWith('/*') ? essence.startsWith(wanted.slice(0, -1)) : essence === wanted;
}

import type { EventRecord } from '#core/model/event.ts';

/** AMQP takes no longer one. */
export const MOST_BYTES = 255;
const FIELD = /\{(\w+)\}/g;
const FIELDS = ['type', 'owner', 'subject'] as const;

/** The fields of a template that do not exist. */
export function unknownFields(template: string): readonly string[] {
  const known: readonly string[] = FIELDS;
  return [...template.matchAll(FIELD)].map(([, name = '']) => name).filter((name) => !known.includes(name));
}

/**
 * The key that queues bind to. An owner or a subject is one word in it, whatever is written in it; a type is two, such as `file.ready`. An
 * event without owner has `-` there.
 */
export function routingKey(template: string, { type, owner = '-', subject }: EventRecord): string {
  const values: Readonly<Record<string, string>> = { type, owner: word(owner), subject: word(subject) };
  return template.replace(FIELD, (_all, name: string) => values[name] ?? '');
}

/** Dots part words, and stars and hashes stand for others where queues bind. */
function word(text: string): string {
  return text.replace(/[.*#\s]/g, '_');
}

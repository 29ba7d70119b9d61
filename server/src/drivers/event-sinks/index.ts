import { OsproxyError } from '#core/errors.ts';
import { settingsProblems } from '../settings-problems.ts';
import type { EventSinkContext, EventSinkType } from './event-sink-type.ts';
import { kafka } from './kafka/index.ts';
import { rabbitmq } from './rabbitmq/index.ts';
import { webhook } from './webhook/index.ts';

/** Every kind of event sink by the name it has in the configuration. */
export const eventSinks = { kafka, rabbitmq, webhook };

/** A sink as configured: its kind and the settings of that kind. */
export interface SinkSettings {
  readonly type: string;
  readonly [setting: string]: unknown;
}

/** A sink whose settings were found good. */
export interface PreparedSink {
  start(context: EventSinkContext): ReturnType<EventSinkType['create']>;
}

/** Checks the settings without touching the receiver. Throws InvalidArgument; `details.problems` has one sentence per wrong setting. */
export function prepareSink(name: string, settings: SinkSettings): PreparedSink {
  const { type, ...given } = settings;
  const kind = typeOf(name, type);
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const place = { what: 'event sink', name, type };
  const wrong = settingsProblems(place, kind.settings, present);
  const problems =
    wrong.length > 0
      ? wrong
      : (kind.problems?.(present) ?? []).map(
          (problem) => `The event sink "${name}" of type ${type} has a wrong setting: ${problem}.`,
        );
  if (problems.length > 0)
    throw new OsproxyError('InvalidArgument', problems.join(' '), { details: { problems } });
  return { start: (context) => kind.create(present, context) };
}

function typeOf(name: string, type: string): EventSinkType {
  if (Object.hasOwn(eventSinks, type)) {
    return eventSinks[type as keyof typeof eventSinks] as unknown as EventSinkType;
  }
  const known = Object.keys(eventSinks).sort().join(', ');
  throw new OsproxyError(
    'InvalidArgument',
    `The event sink "${name}" has the type "${type}"; it must be one of ${known}.`,
  );
}

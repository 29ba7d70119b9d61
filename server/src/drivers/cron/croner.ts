import { Cron as Expression } from 'croner';
import { OsproxyError } from '#core/errors.ts';
import type { Cron } from '#core/ports/cron.ts';

/** Cron expressions as croner reads them, across changes of daylight saving time. */
export const cronerCron: Cron = {
  next: (expression, timeZone, after) => read(expression, timeZone).nextRun(new Date(after))?.getTime(),
};

function read(expression: string, timeZone: string): Expression {
  try {
    return new Expression(expression, { timezone: zone(timeZone), paused: true, mode: '5-or-6-parts' });
  } catch (cause) {
    if (cause instanceof OsproxyError) throw cause;
    throw new OsproxyError(
      'InvalidArgument',
      `"${expression}" is not a cron expression; it must have five fields (minute, hour, day of month, month, day of week), or six with seconds in front, such as "0 3 * * *".`,
      { cause },
    );
  }
}

function zone(name: string): string {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return name;
  } catch (cause) {
    throw new OsproxyError(
      'InvalidArgument',
      `"${name}" is not a time zone; it must be a name such as Europe/Berlin or UTC.`,
      { cause },
    );
  }
}

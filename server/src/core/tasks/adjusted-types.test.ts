import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import type { Cron } from '../ports/cron.ts';
import { adjustedTypes, type TypeSettings } from './adjusted-types.ts';
import type { TaskType } from './task-type.ts';

/** Knows one expression and one time zone. */
const cron: Cron = {
  next: (expression, timeZone, after) => {
    if (timeZone !== 'UTC') throw new Error(`no zone ${timeZone}`);
    if (expression === 'never') return undefined;
    if (expression === 'bad') throw new Error('cannot be read');
    return after + 1;
  },
};
const typeOf = (type: string, more: Partial<TaskType> = {}): TaskType => ({
  ...{ type, schema: Type.Object({}), handle: async () => 'done' as const, ...more },
});
const TYPES = [
  typeOf('compose', { concurrency: { process: 3, cluster: 5 } }),
  typeOf('purge', { everyMs: 10 }),
  typeOf('sweep.n1', { everyMs: 10, ofNode: true }),
];
const adjusted = (settings: Partial<TypeSettings>) =>
  adjustedTypes(
    TYPES,
    { processLimits: {}, clusterLimits: {}, schedules: {}, timeZone: 'UTC', ...settings },
    cron,
  );
const problemsOf = (settings: Partial<TypeSettings>): unknown => {
  try {
    adjusted(settings);
  } catch (error) {
    return (error as { details?: { problems?: unknown } }).details?.problems;
  }
  return undefined;
};

describe('types of tasks as the configuration wants them', () => {
  it('keep what it does not name', () => {
    const [compose, purge] = adjusted({});
    expect(compose?.concurrency).toEqual({ process: 3, cluster: 5 });
    expect(purge).toMatchObject({ everyMs: 10 });
    expect(purge?.schedule).toBeUndefined();
  });

  it('take limits and schedules by name, those of one node by the part before the dot', () => {
    const [compose, purge, sweep] = adjusted({
      processLimits: { compose: 1 },
      clusterLimits: { purge: 2 },
      schedules: { purge: '0 3 * * *', sweep: '0 4 * * *' },
    });
    expect(compose?.concurrency).toEqual({ process: 1, cluster: 5 });
    expect(purge).toMatchObject({
      concurrency: { cluster: 2 },
      schedule: { cron: '0 3 * * *', timeZone: 'UTC' },
    });
    expect(sweep?.schedule?.cron).toBe('0 4 * * *');
  });

  it('are refused with every wrong name, schedule and time zone at once', () => {
    expect(problemsOf({ processLimits: { composer: 1 }, schedules: { compose: '0 3 * * *' } })).toEqual([
      expect.stringMatching(/^tasks\.processLimits names "composer".*compose, purge, sweep/),
      expect.stringMatching(
        /^tasks\.schedules names "compose", which is not recurring work here.*purge, sweep/,
      ),
    ]);
    expect(problemsOf({ schedules: { purge: 'bad', sweep: 'never' } })).toEqual([
      expect.stringMatching(/^tasks\.schedules\.purge: cannot be read/),
      expect.stringMatching(/^tasks\.schedules\.sweep: "never" names no time/),
    ]);
    expect(problemsOf({ timeZone: 'Nowhere' })).toEqual([expect.stringMatching(/^tasks\.timeZone: /)]);
  });
});

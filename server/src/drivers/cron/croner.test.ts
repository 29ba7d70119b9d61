import { describe, expect, it } from 'vitest';
import { cronerCron as cron } from './croner.ts';

const at = (text: string) => Date.parse(text);
const next = (expression: string, timeZone: string, after: string) => {
  const found = cron.next(expression, timeZone, at(after));
  return found === undefined ? undefined : new Date(found).toISOString();
};

describe('cron expressions', () => {
  it('name times in their time zone', () => {
    expect(next('0 3 * * *', 'UTC', '2026-01-10T03:00:00Z')).toBe('2026-01-11T03:00:00.000Z');
    expect(next('0 3 * * *', 'UTC', '2026-01-10T02:59:59Z')).toBe('2026-01-10T03:00:00.000Z');
    expect(next('0 3 * * *', 'Europe/Berlin', '2026-01-10T00:00:00Z')).toBe('2026-01-10T02:00:00.000Z');
    expect(next('0 3 * * *', 'America/New_York', '2026-07-10T00:00:00Z')).toBe('2026-07-10T07:00:00.000Z');
    expect(next('30 5 * * MON', 'UTC', '2026-01-10T00:00:00Z')).toBe('2026-01-12T05:30:00.000Z');
    expect(next('*/5 * * * * *', 'UTC', '2026-01-10T00:00:01Z')).toBe('2026-01-10T00:00:05.000Z');
  });

  it('run once on a day without their hour, and once on a day that has it twice', () => {
    // Berlin goes from 02:00 to 03:00 on 2026-03-29, and from 03:00 back to 02:00 on 2026-10-25.
    const runs = (from: string, count: number) => {
      const times: string[] = [];
      for (let after = from; times.length < count; after = times.at(-1) ?? '')
        times.push(next('30 2 * * *', 'Europe/Berlin', after) ?? '');
      return times;
    };
    const spring = runs('2026-03-28T12:00:00Z', 2);
    expect(spring.map((time) => time.slice(0, 10))).toEqual(['2026-03-29', '2026-03-30']);
    expect(runs('2026-10-24T12:00:00Z', 2)).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']);
    expect(next('0 0 * * *', 'Europe/Berlin', '2026-03-29T12:00:00Z')).toBe('2026-03-29T22:00:00.000Z');
  });

  it('know when there is no such time', () => {
    expect(next('0 0 30 2 *', 'UTC', '2026-01-01T00:00:00Z')).toBeUndefined();
  });

  it.each([
    ['61 * * * *', 'UTC', /"61 \* \* \* \*" is not a cron expression/],
    ['* * *', 'UTC', /is not a cron expression/],
    ['* * * * * * 2027', 'UTC', /is not a cron expression/],
    ['', 'UTC', /is not a cron expression/],
    ['0 3 * * *', 'Europe/Atlantis', /"Europe\/Atlantis" is not a time zone/],
  ])('refuse "%s" in %s', (expression, timeZone, message) => {
    expect(() => cron.next(expression, timeZone, 0)).toThrow(
      expect.objectContaining({ code: 'InvalidArgument', message: expect.stringMatching(message) }),
    );
  });
});

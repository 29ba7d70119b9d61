import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { RecentUids } from './recent-uids.ts';

it('knows what was added within the window', async () => {
  const recent = new RecentUids(200);
  expect(recent.hasAny(['5'])).toBe(false);
  recent.add('5');
  expect(recent.hasAny(['4', '5'])).toBe(true);
  expect(recent.hasAny(['4'])).toBe(false);
  await sleep(300);
  expect(recent.hasAny(['5'])).toBe(false);
  expect(recent.hasBetween(undefined, undefined)).toBe(false);
});

it('compares uids as numbers', () => {
  const recent = new RecentUids(60_000);
  recent.add('1000');
  expect(recent.hasBetween('999', undefined)).toBe(true);
  expect(recent.hasBetween('99', '1001')).toBe(true);
  expect(recent.hasBetween('1001', undefined)).toBe(false);
  expect(recent.hasBetween(undefined, '999')).toBe(false);
});

it('counts everything as recent when too much happened to remember', async () => {
  const recent = new RecentUids(300);
  for (let uid = 0; uid <= 10_000; uid++) recent.add(String(uid));
  expect(recent.hasAny(['99999'])).toBe(true);
  expect(recent.hasBetween('99998', '99999')).toBe(true);
  await sleep(400);
  expect(recent.hasAny(['99999', '5'])).toBe(false);
});

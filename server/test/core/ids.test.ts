import { expect, test } from 'vitest';
import { raceForIds } from './id-race.ts';

test('600 000 ids from six processes at full speed never collide', { timeout: 120_000 }, async () => {
  expect(await raceForIds({ processes: 6, ids: 600_000, rounds: 4 })).toEqual({ ids: 600_000, twice: [] });
});

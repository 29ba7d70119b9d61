import { expect, test } from 'vitest';
import { raceForIds } from '../core/id-race.ts';

test('10 million ids from six processes at full speed never collide', async () => {
  expect(await raceForIds({ processes: 6, ids: 10_000_002, rounds: 10 })).toEqual({
    ids: 10_000_002,
    twice: [],
  });
});

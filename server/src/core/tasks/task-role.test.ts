import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { serverRole, unknownTypes, workerRole } from './task-role.ts';
import type { TaskType } from './task-type.ts';

const typeOf = (type: string, more: Partial<TaskType> = {}): TaskType => ({
  type,
  schema: Type.Object({}),
  handle: async () => 'done',
  ...more,
});

const TYPES = [
  typeOf('compose'),
  typeOf('transfer'),
  typeOf('purge', { everyMs: 1000 }),
  typeOf('sweep.n1', { everyMs: 1000, ofNode: true }),
];

const named = (works: (type: TaskType) => boolean) => TYPES.filter(works).map(({ type }) => type);

describe('the role of a process', () => {
  test.each([
    [[], true, ['compose', 'transfer', 'purge', 'sweep.n1']],
    [[], false, ['compose', 'transfer', 'sweep.n1']],
    [['compose', 'purge'], true, ['transfer', 'sweep.n1']],
    [['*'], true, ['sweep.n1']],
  ])('a server that leaves %o to workers, and leads: %o, runs %o', (left, leads, expected) => {
    expect(named((type) => serverRole(left).works(type, leads))).toEqual(expected);
  });

  test.each([
    [[], [], ['compose', 'transfer']],
    [[], ['purge'], ['compose', 'transfer', 'purge']],
    [['*'], ['*'], ['compose', 'transfer', 'purge']],
    [['compose', 'sweep'], ['*'], ['compose']],
  ])('a worker of %o, while servers leave %o, runs %o', (types, left, expected) => {
    expect(named((type) => workerRole(types, left).works(type, false))).toEqual(expected);
  });

  test('names that no type has are told', () => {
    expect(unknownTypes(['*', 'compose', 'sweep', 'smoke'], TYPES)).toEqual(['smoke']);
  });
});

import { expect, it } from 'vitest';
import { sweepTypeOf } from './sweep.ts';

it('gives every node a type of its own that fits its column', () => {
  const long = 'a'.repeat(62);
  const types = ['n1', 'n2', `${long}b`, `${long}c`].map(sweepTypeOf);
  expect(types.slice(0, 2)).toEqual(['sweep.n1', 'sweep.n2']);
  expect(new Set(types).size).toBe(4);
  for (const type of types) expect(type.length).toBeLessThanOrEqual(64);
});

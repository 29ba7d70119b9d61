import { expect, test } from 'vitest';
import { buildSerializer } from './serialization.ts';

const string = { type: 'string' };
const shared = {
  Leaf: { $id: 'Leaf', type: 'object', properties: { name: string } },
  Tree: {
    ...{ $id: 'Tree', type: 'object' },
    properties: { leaf: { $ref: 'Leaf#' }, below: { type: 'array', items: { $ref: 'Tree#' } } },
  },
  // Never named here: whoever looked at it would throw.
  Broken: { $id: 'Broken', type: 'object', properties: { bad: { $ref: 'Nowhere#' } }, required: 'no list' },
};
const route = (schema: unknown) => ({ method: 'GET', url: '/', httpStatus: '200', schema });

test('follows shared schemas through one another, and leaves out what no schema knows', () => {
  const serializer = buildSerializer(shared)(route({ $ref: 'Tree#' }));
  const leaf = { name: 'a', secret: 'b' };
  const answer = { leaf, below: [{ leaf, secret: 'c', below: [] }], secret: 'd' };
  expect(JSON.parse(serializer(answer))).toEqual({
    leaf: { name: 'a' },
    below: [{ leaf: { name: 'a' }, below: [] }],
  });
});

test('compiles equal schemas once, and different ones each', () => {
  const compiler = buildSerializer(shared);
  expect(compiler(route({ $ref: 'Leaf#' }))).toBe(compiler(route({ $ref: 'Leaf#' })));
  expect(compiler(route({ type: 'string' }))).not.toBe(compiler(route({ $ref: 'Leaf#' })));
});

test('a schema that is wrong fails when it is compiled', () => {
  expect(() => buildSerializer(shared)(route({ $ref: 'Broken#' }))).toThrow(/required/);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OsproxyError } from '#core/errors.ts';
import { type ComposeLimits, type ComposeSource, type ComposeStep, planCompose } from './compose-plan.ts';
import { vendors } from './vendors.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const aws: ComposeLimits = { ...vendors.aws, partBytes: 8 * MIB };
const small: ComposeLimits = { minPartBytes: 10, maxCopyBytes: 1000, equalParts: false, partBytes: 16 };

function sources(...sizes: number[]): ComposeSource[] {
  return sizes.map((size, index) => ({ key: `s${index}`, size }));
}

function lengthOf(step: ComposeStep): number {
  return step.kind === 'copy' ? step.piece.length : step.length;
}

function sentBytes(steps: readonly ComposeStep[]): number {
  return steps.reduce((sum, step) => sum + (step.kind === 'send' ? step.length : 0), 0);
}

/** Every byte of every source as "source:offset" runs, in the order of the parts. */
function bytesOf(steps: readonly ComposeStep[], of: readonly ComposeSource[]): string[] {
  const bytes: string[] = [];
  for (const step of steps) {
    for (const { key, length, range } of step.kind === 'copy' ? [step.piece] : step.pieces) {
      const size = of.find((source) => source.key === key)?.size ?? -1;
      expect(range === undefined ? length === size : range.length === length).toBe(true);
      for (let at = 0; at < length; at += 1) bytes.push(`${key}:${(range?.offset ?? 0) + at}`);
    }
  }
  return bytes;
}

test('parts that are large enough are copied whole; nothing is sent', () => {
  const steps = planCompose(sources(8 * MIB, 8 * MIB, 5 * MIB, 100), aws);
  expect(steps.map(({ kind }) => kind)).toEqual(['copy', 'copy', 'copy', 'send']);
  expect(sentBytes(steps)).toBe(100);
  expect(steps[0]).toEqual({ kind: 'copy', piece: { key: 's0', length: 8 * MIB, range: undefined } });
});

test('a small source takes only what it lacks from its neighbour', () => {
  const steps = planCompose(sources(8 * MIB, MIB, 20 * MIB), aws);
  expect(steps.map(lengthOf)).toEqual([8 * MIB, 5 * MIB, 16 * MIB]);
  expect(sentBytes(steps)).toBe(5 * MIB);
});

test('a neighbour that would be left too small is sent with it', () => {
  const steps = planCompose(sources(MIB, 6 * MIB, 8 * MIB), aws);
  expect(steps.map(lengthOf)).toEqual([7 * MIB, 8 * MIB]);
});

test('a source above the copy limit is copied in ranges of about one size', () => {
  const steps = planCompose(sources(7 * GIB, 6 * MIB), { ...aws, maxCopyBytes: GIB });
  expect(sentBytes(steps)).toBe(0);
  for (const step of steps.slice(0, -1)) expect(lengthOf(step)).toBeLessThanOrEqual(GIB);
  expect(Math.min(...steps.slice(0, -1).map(lengthOf))).toBeGreaterThan(200 * MIB);
});

test('empty sources and nothing at all make no parts', () => {
  expect(planCompose(sources(0, 0), aws)).toEqual([]);
  expect(planCompose(sources(0, 8 * MIB, 0), aws)).toHaveLength(1);
});

test('equal parts: sources of one size are copied as they are, others are cut into windows', () => {
  const r2: ComposeLimits = { ...vendors.r2, partBytes: 8 * MIB };
  const alike = planCompose(sources(6 * MIB, 6 * MIB, 5 * MIB), r2);
  expect(alike.map(({ kind }) => kind)).toEqual(['copy', 'copy', 'copy']);
  const mixed = planCompose(sources(20 * MIB, 3 * MIB, 9 * MIB), r2);
  expect(mixed.map(lengthOf)).toEqual([8 * MIB, 8 * MIB, 8 * MIB, 8 * MIB]);
  expect(mixed.map(({ kind }) => kind)).toEqual(['copy', 'copy', 'send', 'copy']);
});

test('more parts than a store takes are refused', () => {
  const many = sources(...Array.from({ length: 10_001 }, () => 5 * MIB));
  expect(() => planCompose(many, aws)).toThrow(OsproxyError);
  expect(planCompose(many.slice(1), aws)).toHaveLength(10_000);
});

test('copies are as large as the store takes them where there would be too many otherwise', () => {
  const sizes = Array.from({ length: 10_000 }, (_, index) => (index < 20 ? 5 * GIB : 5 * MIB));
  const steps = planCompose(sources(...sizes), aws);
  expect(steps).toHaveLength(10_000);
  expect(sentBytes(steps)).toBe(0);
});

test.each([false, true])(
  'any sources give every byte once, in order, in parts the store takes (equal parts: %s)',
  (equalParts) => {
    const limits = { ...small, equalParts };
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 45 }), { maxLength: 12 }), (sizes) => {
        const of = sources(...sizes);
        const steps = planCompose(of, limits);
        const expected = of.flatMap(({ key, size }) =>
          Array.from({ length: size }, (_, at) => `${key}:${at}`),
        );
        expect(bytesOf(steps, of)).toEqual(expected);
        for (const [index, step] of steps.entries()) {
          const length = lengthOf(step);
          if (index < steps.length - 1) expect(length).toBeGreaterThanOrEqual(limits.minPartBytes);
          if (equalParts && index < steps.length - 1) expect(length).toBe(lengthOf(steps[0] as ComposeStep));
          if (step.kind === 'copy') expect(length).toBeLessThanOrEqual(limits.maxCopyBytes);
          if (!equalParts && step.kind === 'send') expect(length).toBeLessThan(2 * limits.minPartBytes);
        }
      }),
      { numRuns: 2000 },
    );
  },
);

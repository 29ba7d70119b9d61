import { expect, test } from 'vitest';
import { ReadBuffers } from './read-buffers.ts';

const KIB = 1024;

test('the block shrinks as readers come and grows as they go, within 64 KiB and 1 MiB', () => {
  const buffers = new ReadBuffers({ budgetBytes: 8 * 1024 * KIB });
  const sizeNow = (): number => buffers.take(1024 * 1024 * KIB).length / KIB;
  const leave = Array.from({ length: 4 }, () => buffers.enter());
  expect(sizeNow()).toBe(1024);
  leave.push(buffers.enter());
  expect(sizeNow()).toBe(512);
  leave.push(...Array.from({ length: 995 }, () => buffers.enter()));
  expect(sizeNow()).toBe(64);
  for (const done of leave) {
    done();
    done();
  }
  expect(sizeNow()).toBe(1024);
});

test('the buffer is no larger than what is left needs', () => {
  const buffers = new ReadBuffers({ budgetBytes: 64 * 1024 * KIB });
  expect(buffers.take(65 * KIB).length).toBe(128 * KIB);
  expect(buffers.take(1).length).toBe(64 * KIB);
});

test('a returned buffer is lent again, and the pool stays within half the budget', () => {
  const buffers = new ReadBuffers({ budgetBytes: 4 * 1024 * KIB });
  const first = buffers.take(1024 * KIB);
  buffers.give(first);
  expect(buffers.take(1024 * KIB)).toBe(first);
  const many = Array.from({ length: 5 }, () => buffers.take(1024 * KIB));
  for (const buffer of many) buffers.give(buffer);
  const again = Array.from({ length: 5 }, () => buffers.take(1024 * KIB));
  expect(again.filter((buffer) => many.includes(buffer))).toHaveLength(2);
});

test('buffers of sizes no longer asked for give way', () => {
  const buffers = new ReadBuffers({ budgetBytes: 4 * 1024 * KIB });
  const small = Array.from({ length: 32 }, () => buffers.take(64 * KIB));
  const large = [buffers.take(1024 * KIB), buffers.take(1024 * KIB)];
  for (const buffer of [...small, ...large]) buffers.give(buffer);
  expect(large).toContain(buffers.take(1024 * KIB));
  expect(large).toContain(buffers.take(1024 * KIB));
});

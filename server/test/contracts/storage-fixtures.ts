import { randomFillSync } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { type ErrorCode, OsproxyError } from '#core/errors.ts';
import type { ByteRange, ByteSource, ListedObject, StorageDriver } from '#core/ports/storage-driver.ts';

export const KIB = 1024;
export const MIB = 1024 * KIB;

export function randomBytes(length: number): Uint8Array {
  return randomFillSync(new Uint8Array(length));
}

/** Gives the bytes in chunks that all live in one buffer, which is spoiled as soon as the next chunk is asked for. */
export function sourceOf(
  bytes: Uint8Array,
  options: { chunk?: number; size?: number | undefined; replayable?: boolean } = {},
): ByteSource {
  const { chunk = 64 * KIB, replayable = true } = options;
  return {
    size: 'size' in options ? options.size : bytes.length,
    replayable,
    async *open() {
      const buffer = new Uint8Array(chunk);
      for (let from = 0; from < bytes.length; from += chunk) {
        const part = bytes.subarray(from, from + chunk);
        buffer.set(part);
        yield buffer.subarray(0, part.length);
        buffer.fill(0xee);
      }
    },
  };
}

/** Gives `before` chunks, then does what `then` does. */
export function sourceThat(before: number, then: () => Promise<void>, size?: number): ByteSource {
  return {
    size,
    replayable: false,
    async *open() {
      for (let given = 0; given < before; given += 1) yield randomBytes(64 * KIB);
      await then();
    },
  };
}

/** Reads by copying every chunk before the next is asked for. */
export async function readAll(
  driver: Pick<StorageDriver, 'open'>,
  key: string,
  range?: ByteRange,
): Promise<Buffer> {
  const object = await driver.open(key, range);
  const copies: Buffer[] = [];
  for await (const chunk of object.chunks) copies.push(Buffer.from(chunk));
  return Buffer.concat(copies);
}

export async function listAll(driver: StorageDriver, prefix?: string): Promise<ListedObject[]> {
  const found: ListedObject[] = [];
  for await (const item of driver.list(prefix)) found.push(item);
  return found;
}

export async function keysOf(driver: StorageDriver, prefix?: string): Promise<string[]> {
  return (await listAll(driver, prefix)).map(({ key }) => key).sort();
}

/** Compares without printing megabytes where they differ. */
export function expectBytes(actual: Uint8Array, expected: Uint8Array): void {
  expect(actual.length).toBe(expected.length);
  expect(Buffer.compare(actual, expected)).toBe(0);
}

/** The call is rejected with an OsproxyError of this code; gives the error. */
export async function refused(code: ErrorCode, call: Promise<unknown>): Promise<OsproxyError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OsproxyError);
  if (!(error instanceof OsproxyError)) throw new Error('The call was not refused.');
  expect(error.code).toBe(code);
  return error;
}

export async function expectAbsent(driver: StorageDriver, key: string): Promise<void> {
  await refused('NotFound', driver.stat(key));
  await refused('NotFound', driver.open(key));
  expect(await keysOf(driver)).not.toContain(key);
}

export function openHandles(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Waits until no more handles are open than before. */
export async function expectHandles(before: number): Promise<void> {
  for (let tries = 0; tries < 100 && openHandles() > before; tries += 1) await sleep(10);
  expect(openHandles()).toBeLessThanOrEqual(before);
}

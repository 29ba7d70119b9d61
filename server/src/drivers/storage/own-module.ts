import { type ErrorCode, OsproxyError } from '#core/errors.ts';
import type { ByteSource, CallOptions, StorageDriver } from '#core/ports/storage-driver.ts';
import { loadDefault, reasonOf } from '../load-module.ts';
import { cancelled, throwIfCancelled } from './abort.ts';
import { assertKey } from './keys.ts';
import { SourceReader } from './source-reader.ts';
import type { StorageDriverType } from './storage-driver-type.ts';
import { wrapDriver } from './wrappers/wrap-driver.ts';

/** Codes that an error of a module may carry as its `code`, so that the module needs no class of this program. */
const CODES: ReadonlySet<string> = new Set<ErrorCode>([
  'InvalidArgument',
  'NotFound',
  'RangeNotSatisfiable',
  'PermissionDenied',
  'QuotaExceeded',
  'Unavailable',
  'Unsupported',
  'Cancelled',
  'Internal',
]);

const MEMBERS = ['put', 'open', 'stat', 'delete', 'list', 'close'] as const;

/** Loads the type that a module exports as its default; throws InvalidArgument with one sentence that says what is wrong with it. */
export async function loadOwnType(path: string): Promise<StorageDriverType> {
  const exported = await loadDefault(path);
  if (isDriverType(exported))
    return { settings: exported.settings, create: (...all) => start(path, exported, all) };
  throw new OsproxyError(
    'InvalidArgument',
    `The module ${path} must export a store type as its default: an object with a settings schema of an object and a function create.`,
  );
}

async function start(
  path: string,
  type: StorageDriverType,
  all: Parameters<StorageDriverType['create']>,
): Promise<StorageDriver> {
  let driver: StorageDriver;
  try {
    driver = await type.create(...all);
  } catch (cause) {
    if (cause instanceof OsproxyError) throw cause;
    throw new OsproxyError(
      'InvalidArgument',
      `The module ${path} could not start the store: ${reasonOf(cause)}.`,
      {
        cause,
      },
    );
  }
  const missing = MEMBERS.filter((member) => typeof driver?.[member] !== 'function');
  const lacks = typeof driver?.nodeLocal === 'boolean' ? missing : ['nodeLocal', ...missing];
  if (lacks.length === 0) return withSharedRules(driver);
  throw new OsproxyError(
    'InvalidArgument',
    `The store that the module ${path} makes lacks ${lacks.join(', ')}.`,
  );
}

function isDriverType(value: unknown): value is StorageDriverType {
  if (typeof value !== 'object' || value === null) return false;
  const { settings, create } = value as Partial<StorageDriverType>;
  const isObjectSchema =
    typeof settings === 'object' && (settings as { type?: unknown } | null)?.type === 'object';
  return isObjectSchema && typeof create === 'function';
}

/**
 * The same driver with the rules that every store shares around it: keys are checked, a source that throws, lies about its size or outlives
 * the signal ends as the port says, and what the module throws becomes an OsproxyError of the code it carries, else Internal with its cause.
 */
function withSharedRules(driver: StorageDriver): StorageDriver {
  const wrapped = wrapDriver(driver, async (_operation, call, signal) => {
    throwIfCancelled(signal);
    try {
      return await call();
    } catch (error) {
      throw translated(error, signal);
    }
  });
  return {
    ...wrapped,
    async put(key, source, options) {
      assertKey(key);
      const checked = new CheckedSource(source, options?.signal);
      try {
        return await wrapped.put(key, checked, options);
      } catch (error) {
        throw options?.signal?.aborted ? error : (checked.failure ?? error);
      }
    },
    async open(key, range, options) {
      assertKey(key);
      const object = await wrapped.open(key, range, options);
      return {
        size: object.size,
        ...(object.bytes === undefined ? {} : { bytes: object.bytes }),
        chunks: guarded(object.chunks, options?.signal),
        close: () => object.close(),
      };
    },
    async stat(key, options) {
      assertKey(key);
      return wrapped.stat(key, options);
    },
    async delete(key, options) {
      assertKey(key);
      return wrapped.delete(key, options);
    },
    list: (prefix, options) => guarded(driver.list(prefix, options), options?.signal),
    ...(wrapped.compose && {
      compose: async (key: string, sources: readonly string[], options?: CallOptions) => {
        for (const one of [key, ...sources]) assertKey(one);
        return (wrapped.compose as NonNullable<StorageDriver['compose']>)(key, sources, options);
      },
    }),
  };
}

class CheckedSource implements ByteSource {
  readonly size: number | undefined;
  readonly replayable: boolean;
  readonly #source: ByteSource;
  readonly #signal: AbortSignal | undefined;
  /** What was wrong with the source; the module may have wrapped it. */
  failure: unknown;

  constructor(source: ByteSource, signal: AbortSignal | undefined) {
    this.size = source.size;
    this.replayable = source.replayable;
    this.#source = source;
    this.#signal = signal;
  }

  async *open(): AsyncGenerator<Uint8Array> {
    const reader = new SourceReader(this.#source, this.#signal);
    this.failure = undefined;
    try {
      for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) yield chunk;
    } catch (error) {
      this.failure = error;
      throw error;
    } finally {
      await reader.close();
    }
  }
}

/** A generator that is ended before its first step runs none of its code, so the inner one is ended directly. */
function guarded<T>(items: AsyncIterable<T>, signal: AbortSignal | undefined): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]: () => {
      const inner = items[Symbol.asyncIterator]();
      const end = async (): Promise<IteratorResult<T>> => {
        await inner.return?.();
        return { done: true, value: undefined };
      };
      return {
        next: async () => {
          try {
            throwIfCancelled(signal);
            return await inner.next();
          } catch (error) {
            await end().catch(() => {});
            throw translated(error, signal);
          }
        },
        return: end,
      };
    },
  };
}

function translated(error: unknown, signal: AbortSignal | undefined): OsproxyError {
  if (signal?.aborted) return cancelled(signal);
  if (error instanceof OsproxyError) return error;
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (typeof code === 'string' && CODES.has(code)) {
    return new OsproxyError(code as ErrorCode, reasonOf(error), { cause: error });
  }
  return new OsproxyError('Internal', 'The store failed in a way it does not explain.', { cause: error });
}

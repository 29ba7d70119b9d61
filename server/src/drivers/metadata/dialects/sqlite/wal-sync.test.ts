import { describe, expect, it } from 'vitest';
import type { OsproxyError } from '#core/errors.ts';
import { WalSync } from './wal-sync.ts';

/** A sync that the test ends by hand. */
function manualSync() {
  const syncs: PromiseWithResolvers<void>[] = [];
  const failures: OsproxyError[] = [];
  const sync = new WalSync(
    7,
    (descriptor) => {
      expect(descriptor).toBe(7);
      const started = Promise.withResolvers<void>();
      syncs.push(started);
      return started.promise;
    },
    (failure) => failures.push(failure),
  );
  const commit = () => {
    sync.noteCommit();
    let durable = false;
    const done = sync.durable(sync.committed).then(() => {
      durable = true;
    });
    return { done, isDurable: () => durable };
  };
  return { sync, syncs, failures, commit };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('WalSync', () => {
  it('answers a commit only by a sync that started after it, and shares that among all that wait', async () => {
    const { syncs, commit } = manualSync();
    const first = commit();
    const [second, third] = [commit(), commit()];
    expect(syncs).toHaveLength(1);
    syncs[0]?.resolve();
    await first.done;
    await turn();
    expect([second.isDurable(), third.isDurable()]).toEqual([false, false]);
    expect(syncs).toHaveLength(2);
    syncs[1]?.resolve();
    await Promise.all([second.done, third.done]);
    await turn();
    expect(syncs).toHaveLength(2);
  });

  it('does not sync for what is durable already', async () => {
    const { sync, syncs, commit } = manualSync();
    await sync.durable(sync.committed);
    const first = commit();
    syncs[0]?.resolve();
    await first.done;
    await sync.durable(sync.committed);
    expect(syncs).toHaveLength(1);
  });

  it('refuses everybody after a failure, for good', async () => {
    const { sync, syncs, failures, commit } = manualSync();
    const waiting = [commit(), commit()].map(({ done }) => done.catch((error: unknown) => error));
    const cause = Object.assign(new Error('EIO'), { code: 'EIO' });
    syncs[0]?.reject(cause);
    for (const error of await Promise.all(waiting))
      expect(error).toMatchObject({ code: 'Unavailable', cause });
    sync.noteCommit();
    await expect(sync.durable(sync.committed)).rejects.toMatchObject({ code: 'Unavailable' });
    await expect(sync.durable(0)).rejects.toMatchObject({ code: 'Unavailable' });
    expect(syncs).toHaveLength(1);
    expect(failures).toHaveLength(1);
  });
});

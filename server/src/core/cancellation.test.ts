import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { cancelled, JoinedSignal, orCancelled, throwIfCancelled } from './cancellation.ts';
import { OsproxyError } from './errors.ts';

describe('orCancelled', () => {
  it('settles like the promise and leaves no listener behind', async () => {
    const { signal } = new AbortController();
    for (let i = 0; i < 100; i += 1) {
      expect(await orCancelled(Promise.resolve(i), signal)).toBe(i);
      await expect(orCancelled(Promise.reject(new Error('x')), signal)).rejects.toThrow('x');
    }
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    expect(await orCancelled(Promise.resolve(1), undefined)).toBe(1);
  });

  it('rejects at once when the signal fires, with the reason of its caller where that is one of ours', async () => {
    const plain = new AbortController();
    const waiting = orCancelled(new Promise(() => {}), plain.signal);
    plain.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'Cancelled', cause: plain.signal.reason });
    expect(() => throwIfCancelled(plain.signal)).toThrow(/cancelled/);
    const own = new OsproxyError('Conflict', 'The task was taken over.');
    await expect(orCancelled(new Promise(() => {}), AbortSignal.abort(own))).rejects.toBe(own);
    expect(() => throwIfCancelled(undefined)).not.toThrow();
    expect(cancelled(AbortSignal.abort(own))).toMatchObject({ code: 'Cancelled', cause: own });
    const other = orCancelled(new Promise(() => {}), AbortSignal.abort(own), cancelled);
    await expect(other).rejects.toMatchObject({ code: 'Cancelled' });
  });
});

it('a joined signal fires with the first of its sources, and leaves nothing on them once it is released', () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const joined = new JoinedSignal(first.signal, undefined, second.signal);
  second.abort('why');
  expect(joined.signal.reason).toBe('why');
  const released = new JoinedSignal(first.signal);
  released.release();
  joined.release();
  expect(getEventListeners(first.signal, 'abort')).toEqual([]);
  first.abort();
  expect(released.signal.aborted).toBe(false);
  expect(new JoinedSignal(first.signal).signal.aborted).toBe(true);
});

import { expect, test } from 'vitest';
import { FolderSync } from './folder-sync.ts';

function controlled() {
  const counts = { opened: 0, closed: 0 };
  const running: PromiseWithResolvers<void>[] = [];
  const sync = new FolderSync(async () => {
    counts.opened += 1;
    return {
      sync: () => {
        const gate = Promise.withResolvers<void>();
        running.push(gate);
        return gate.promise;
      },
      close: async () => {
        counts.closed += 1;
      },
    };
  });
  return { sync, running, counts };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('those who come while a sync runs wait for one that starts after it, all for the same', async () => {
  const { sync, running, counts } = controlled();
  const answered: string[] = [];
  const call = (name: string): void => {
    void sync.sync('/f').then(() => answered.push(name));
  };
  call('first');
  await settle();
  for (let index = 0; index < 10; index += 1) call('second');
  await settle();
  expect(running).toHaveLength(1);
  running[0]?.resolve();
  await settle();
  expect(answered).toEqual(['first']);
  expect(running).toHaveLength(2);
  call('third');
  await settle();
  running[1]?.resolve();
  await settle();
  expect(answered).toEqual(['first', ...Array.from({ length: 10 }, () => 'second')]);
  expect(running).toHaveLength(3);
  running[2]?.resolve();
  await settle();
  expect(answered.at(-1)).toBe('third');
  expect(counts).toEqual({ opened: 1, closed: 1 });
});

test('folders do not wait for each other, and an idle one is opened anew', async () => {
  const { sync, running, counts } = controlled();
  const both = [sync.sync('/a'), sync.sync('/b')];
  await settle();
  expect(running).toHaveLength(2);
  running[1]?.resolve();
  await both[1];
  running[0]?.resolve();
  await both[0];
  const again = sync.sync('/a');
  await settle();
  running[2]?.resolve();
  await again;
  await settle();
  expect(counts).toEqual({ opened: 3, closed: 3 });
});

test('a failed sync fails those who waited for it, and only them', async () => {
  const { sync, running, counts } = controlled();
  const first = sync.sync('/f');
  await settle();
  const second = sync.sync('/f');
  running[0]?.reject(new Error('disk'));
  await expect(first).rejects.toThrow('disk');
  await settle();
  running[1]?.resolve();
  await second;
  await settle();
  expect(counts).toEqual({ opened: 1, closed: 1 });
});

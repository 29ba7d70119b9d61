import { expect, it, onTestFinished, vi } from 'vitest';
import type { StoreUsage } from './ports/metadata/placements.ts';
import type { Metadata } from './ports/metadata.ts';
import { StoreUsages } from './store-usage.ts';

/** Walks of two pages that end when they are told to, the n-th with n objects on each page. */
function slowWalks() {
  let walks = 0;
  const ends: (() => void)[] = [];
  const usage = async (after: string | undefined) => {
    if (after === undefined) {
      walks += 1;
      await new Promise<void>((resolve) => ends.push(resolve));
    }
    const stores: StoreUsage[] = [{ store: 'local', objects: walks, bytes: walks * 10 }];
    return { stores, next: after === undefined ? '1' : undefined };
  };
  const metadata = { relaxed: { placements: { usage } } } as unknown as Pick<Metadata, 'relaxed'>;
  return {
    usages: new StoreUsages(metadata),
    begun: () => walks,
    end: () => ends.splice(0).forEach((end) => void end()),
  };
}

it('never keeps the metrics waiting for a walk, and walks the less often the longer one takes', async () => {
  let clock = 0;
  const spy = vi.spyOn(performance, 'now').mockImplementation(() => clock);
  onTestFinished(() => spy.mockRestore());
  const { usages, begun, end } = slowWalks();
  const first = usages.recent();
  clock = 10_000;
  end();
  const one = { store: 'local', objects: 2, bytes: 20 };
  expect((await first).get('local')).toEqual(one);

  clock += 499_000;
  expect((await usages.recent()).get('local')).toEqual(one);
  expect(begun()).toBe(1);
  clock += 2_000;
  expect((await usages.recent()).get('local')).toEqual(one);
  expect(begun()).toBe(2);
  const asked = usages.now();
  end();
  expect((await asked).get('local')).toEqual({ store: 'local', objects: 4, bytes: 40 });
  expect(begun()).toBe(2);
});

it('shows nothing while the first walk takes long', async () => {
  const { usages, end } = slowWalks();
  expect((await usages.recent()).size).toBe(0);
  end();
  expect((await usages.now()).size).toBe(1);
});

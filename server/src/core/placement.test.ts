import { describe, expect, it } from 'vitest';
import { type FileFacts, PlacementPolicy, type PlacementRule, type StoreLimits } from './placement.ts';

const policyOf = (rules: readonly PlacementRule[], limits: Record<string, StoreLimits> = {}) =>
  new PlacementPolicy({
    ...{ rules, defaultStore: 'main', limits: new Map(Object.entries(limits)), stores: ['main', 'far'] },
  });
const facts = (more: Partial<FileFacts> = {}): FileFacts => ({
  name: 'film.mp4',
  owner: 'shop',
  size: 1000,
  keyId: 'k1',
  ...more,
});

describe('rules', () => {
  const rules: PlacementRule[] = [
    { match: { category: 'image', maxSize: 100 }, store: 'small-images' },
    { match: { category: 'image' }, store: 'images', thenTransferTo: 'archive' },
    { match: { extensions: ['mp4', 'mkv'], minSize: 1000 }, store: 'films' },
    { match: { owner: 'bank', key: 'k9' }, store: 'vault' },
    { match: { minSize: 5000, maxSize: 6000 }, store: 'middle' },
    { match: { category: 'unknown' }, store: 'rest' },
  ];
  const policy = policyOf(rules);

  it.each<[string, Partial<FileFacts>, string]>([
    ['the first that matches wins', { name: 'a.PNG', size: 100 }, 'small-images'],
    ['bounds are inclusive', { name: 'a.png', size: 101 }, 'images'],
    ['a lower bound', { size: 999 }, 'main'],
    ['a lower bound, met', { size: 1000 }, 'films'],
    ['an unknown size meets no bound', { size: undefined }, 'main'],
    ['an unknown size meets rules without bounds', { name: 'a.png', size: undefined }, 'images'],
    ['all conditions must hold', { name: 'a.txt', owner: 'bank' }, 'main'],
    ['owner and key', { name: 'a.txt', owner: 'bank', keyId: 'k9' }, 'vault'],
    ['nobody has no key', { name: 'a.txt', owner: 'bank', keyId: undefined }, 'main'],
    ['both bounds', { name: 'a.txt', size: 5500 }, 'middle'],
    ['no extension is unknown', { name: 'README', size: 1 }, 'rest'],
    ['an odd extension is unknown', { name: 'a.xyz', size: 1 }, 'rest'],
    ['a dot alone makes no extension', { name: '.mp4', size: 9999 }, 'rest'],
    ['else the default', { name: 'a.txt', size: 1 }, 'main'],
  ])('%s', (_what, more, store) => {
    expect(policy.choose(facts(more)).store).toBe(store);
  });

  it('say where a file goes on to', () => {
    expect(policy.choose(facts({ name: 'a.png' }))).toEqual({ store: 'images', transferTo: 'archive' });
    expect(policy.choose(facts({ name: 'a.txt' })).transferTo).toBeUndefined();
  });

  it('that match everything come with an empty condition', () => {
    expect(policyOf([{ match: {}, store: 'x' }]).choose(facts({ size: undefined })).store).toBe('x');
  });

  it('do not move an upload that has chosen; an old one without a store has the default', () => {
    const chosen = { store: 'gone', transferTo: 'archive' };
    expect(policy.chosen(chosen)).toEqual(chosen);
    expect(policy.chosen({ store: undefined, transferTo: undefined }).store).toBe('main');
  });
});

describe('limits', () => {
  const policy = policyOf([], {
    main: { maxFileSize: 10, allowedTypes: ['image/*', 'application/pdf'] },
    archive: { maxFileSize: 5, allowedTypes: ['*/pdf', 'image/png'] },
  });
  const main = { store: 'main', transferTo: undefined };
  const both = { store: 'main', transferTo: 'archive' };
  const free = { store: 'free', transferTo: undefined };

  it('of size refuse at the first byte too much, also those of the store that follows', () => {
    policy.checkSize(main, 10);
    policy.checkSize(main, undefined);
    policy.checkSize(free, Number.MAX_SAFE_INTEGER);
    expect(() => policy.checkSize(main, 11)).toThrowError(/at most 10 bytes.*has 11/);
    expect(() => policy.checkSize(both, 6)).toThrowError(/at most 5 bytes/);
    expect(policy.maxFileSize(free)).toBeUndefined();
  });

  it('of size end a body whose size nobody declared', async () => {
    async function* body() {
      for (let i = 0; i < 4; i += 1) yield new Uint8Array(3);
    }
    const read = async (destination: typeof main) => {
      let size = 0;
      for await (const chunk of policy.capped(destination, body())) size += chunk.byteLength;
      return size;
    };
    expect(await read(free)).toBe(12);
    await expect(read(main)).rejects.toMatchObject({ code: 'TooLarge', details: { limit: 10 } });
  });

  it.each([
    ['image/png', true, true],
    ['IMAGE/PNG; charset=x', true, true],
    ['image/jpeg', true, false],
    ['application/pdf', true, true],
    ['text/html', false, false],
    ['application/octet-stream', false, false],
  ])('of type: %s', (type, inMain, inBoth) => {
    const passes = (check: () => void) => {
      try {
        check();
        return true;
      } catch (error) {
        expect(error).toMatchObject({ code: 'Unsupported' });
        return false;
      }
    };
    expect(passes(() => policy.checkType(main, type))).toBe(inMain);
    expect(passes(() => policy.checkType(both, type))).toBe(inBoth);
    expect(passes(() => policy.checkType(free, type))).toBe(true);
  });
});

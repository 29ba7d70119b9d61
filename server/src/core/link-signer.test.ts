import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LinkSigner } from './link-signer.ts';

const first = { id: 'k1', secret: 'a'.repeat(32) };
const second = { id: 'k2', secret: 'b'.repeat(32) };
const fields = ['link', 'id', 'read', '42', 'inline', '1900000000000'];

describe('LinkSigner', () => {
  it('verifies what it signed and nothing else: no field may change, move, vanish or be added', () => {
    const signer = new LinkSigner([first]);
    const text = fc.array(fc.string({ maxLength: 8 }), { maxLength: 6 });
    fc.assert(
      fc.property(text, text, (signed, shown) => {
        const same = JSON.stringify(signed) === JSON.stringify(shown);
        expect(signer.verify(shown, signer.sign(signed))).toBe(same);
      }),
    );
    const signature = signer.sign(fields);
    expect(signer.verify(fields, signature)).toBe(true);
    for (let i = 0; i < fields.length; i += 1) {
      const changed = fields.map((field, at) => (at === i ? `${field}x` : field));
      expect(signer.verify(changed, signature)).toBe(false);
      expect(signer.verify(fields.toSpliced(i, 1), signature)).toBe(false);
    }
    expect(signer.verify(['link,2:id'], signer.sign(['link', 'id']))).toBe(false);
  });

  it('accepts a signature in exactly one spelling', () => {
    const signer = new LinkSigner([first]);
    const signature = signer.sign(fields);
    for (let i = 0; i < signature.length; i += 1) {
      for (const other of 'AQgw_-.=b1') {
        const changed = signature.slice(0, i) + other + signature.slice(i + 1);
        expect(signer.verify(fields, changed)).toBe(changed === signature);
      }
      expect(signer.verify(fields, signature.slice(0, i))).toBe(false);
    }
    for (const tail of ['=', 'A', '.', '\n', ' ', '!'])
      expect(signer.verify(fields, signature + tail)).toBe(false);
  });

  it('signs under the first key and verifies under each, so that keys can be rotated', () => {
    const old = new LinkSigner([first]).sign(fields);
    const rotated = new LinkSigner([second, first]);
    expect(old.startsWith('k1.')).toBe(true);
    expect(rotated.sign(fields).startsWith('k2.')).toBe(true);
    expect(rotated.verify(fields, old)).toBe(true);
    expect(new LinkSigner([second]).verify(fields, old)).toBe(false);
    const relabelled = `k2.${old.slice(3)}`;
    expect(rotated.verify(fields, relabelled)).toBe(false);
  });

  it.each(['', '.', 'k1', 'k1.', 'nobody.AAAA', '.AAAA'])('refuses the signature %j', (signature) => {
    expect(new LinkSigner([first]).verify(fields, signature)).toBe(false);
  });

  it('refuses keys that cannot work', () => {
    expect(() => new LinkSigner([])).toThrow(/At least one link key/);
    expect(() => new LinkSigner([{ id: 'K1', secret: first.secret }])).toThrow(/"K1"/);
    expect(() => new LinkSigner([{ id: 'k1', secret: 'short' }])).toThrow(/32 characters/);
    expect(() => new LinkSigner([first, { ...second, id: 'k1' }])).toThrow(/used twice/);
  });
});

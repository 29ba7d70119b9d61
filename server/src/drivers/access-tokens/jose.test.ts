import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { JoseAccessTokens } from './jose.ts';

const NOW = 1_800_000_000_000;
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
let now = NOW;
const clock = { now: () => now };
const OLD = { id: 'old', seed: Buffer.alloc(32, 1) };
const NEW = { id: 'new', seed: Buffer.alloc(32, 2) };
const tokens = new JoseAccessTokens({ keys: [NEW, OLD], issuer: 'osproxy', clock });
const CLAIMS = { userId: '12', sessionId: '34', epoch: 5, expiresAt: NOW + 60_000 };
const WRONG = { code: 'Unauthenticated', message: 'This access token is not valid.' };

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function parts(token: string) {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const read = (text: string) => JSON.parse(Buffer.from(text, 'base64url').toString());
  return { header: read(header), payload: read(payload), signature };
}

function signedWith(seed: Buffer, header: object, payload: object): string {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const text = `${encoded(header)}.${encoded(payload)}`;
  return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
}

test('says again what was said, under the newest key, and every listed key is accepted', async () => {
  const token = await tokens.sign(CLAIMS);
  expect(parts(token).header).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: 'new' });
  expect(parts(token).payload).toMatchObject({
    iss: 'osproxy',
    aud: 'osproxy',
    sub: '12',
    sid: '34',
    epoch: 5,
  });
  expect(await tokens.verify(token)).toEqual(CLAIMS);
  expect(await tokens.verify(token)).toEqual(CLAIMS);
  const before = await new JoseAccessTokens({ keys: [OLD], issuer: 'osproxy', clock }).sign(CLAIMS);
  expect(await tokens.verify(before)).toEqual(CLAIMS);
  const only = new JoseAccessTokens({ keys: [NEW], issuer: 'osproxy', clock });
  await expect(only.verify(before)).rejects.toMatchObject(WRONG);
});

test('shows the public halves and nothing else', () => {
  const { keys } = tokens.publicKeys() as { keys: Record<string, string>[] };
  expect(keys.map(({ kid }) => kid)).toEqual(['new', 'old']);
  for (const key of keys) expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
});

test('ends with its time, remembered or not, and does not begin before it', async () => {
  const token = await tokens.sign({ ...CLAIMS, expiresAt: NOW + 10_000 });
  const other = await tokens.sign({ ...CLAIMS, userId: '13', expiresAt: NOW + 10_000 });
  await tokens.verify(token);
  now = NOW + 10_000;
  const expired = { code: 'Unauthenticated', details: { reason: 'expired' } };
  await expect(tokens.verify(token)).rejects.toMatchObject(expired);
  await expect(tokens.verify(other)).rejects.toMatchObject(expired);
  now = NOW + 60_000;
  const future = await tokens.sign({ ...CLAIMS, expiresAt: NOW + 120_000 });
  now = NOW;
  await expect(tokens.verify(future)).rejects.toMatchObject(WRONG);
});

test('takes nothing that a key of its own did not sign by its own algorithm', async () => {
  const { header, payload, signature } = parts(await tokens.sign(CLAIMS));
  const x = (tokens.publicKeys() as { keys: { x: string }[] }).keys[0]?.x ?? '';
  const seedless = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  const publicTexts = [x, Buffer.from(x, 'base64url'), seedless.export({ type: 'spki', format: 'pem' }), ''];
  const hs256 = publicTexts.map((secret) => {
    const text = `${encoded({ ...header, alg: 'HS256' })}.${encoded(payload)}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  });
  const foreign = generateKeyPairSync('ed25519').privateKey;
  const jwk = createPublicKey(foreign).export({ format: 'jwk' });
  const foreignSeed = Buffer.from(String(foreign.export({ format: 'jwk' }).d), 'base64url');
  const attacks = [
    ...hs256,
    `${encoded({ ...header, alg: 'none' })}.${encoded(payload)}.`,
    `${encoded({ ...header, alg: 'None' })}.${encoded(payload)}.`,
    `${encoded({ ...header, alg: 'none' })}.${encoded(payload)}.${signature}`,
    `${encoded(header)}.${encoded(payload)}.`,
    `${encoded(header)}.${encoded({ ...payload, sub: '1' })}.${signature}`,
    // Another's key, under its own name, under a name of ours, brought along, or to be fetched.
    signedWith(foreignSeed, header, payload),
    signedWith(foreignSeed, { ...header, kid: 'theirs' }, payload),
    signedWith(foreignSeed, { ...header, kid: undefined }, payload),
    signedWith(foreignSeed, { ...header, jwk }, payload),
    signedWith(foreignSeed, { ...header, jku: 'https://evil.example/keys', kid: 'theirs' }, payload),
    signedWith(foreignSeed, { ...header, kid: '../../dev/null' }, payload),
    signedWith(foreignSeed, { ...header, kid: '__proto__' }, payload),
    // One of ours, under the name of the other, and without a name.
    signedWith(OLD.seed, { ...header, kid: 'new' }, payload),
    signedWith(NEW.seed, { ...header, kid: 'old' }, payload),
    signedWith(NEW.seed, { alg: 'EdDSA', typ: 'at+jwt' }, payload),
  ];
  for (const attack of attacks) await expect(tokens.verify(attack), attack).rejects.toMatchObject(WRONG);
});

test('takes no token that was made for something else', async () => {
  const { header, payload } = parts(await tokens.sign(CLAIMS));
  const without = (claim: string) =>
    Object.fromEntries(Object.entries(payload).filter(([name]) => name !== claim));
  const others: [object, object][] = [
    [{ ...header, typ: 'JWT' }, payload],
    [{ ...header, typ: 'dpop+jwt' }, payload],
    [header, { ...payload, aud: 'another' }],
    [header, { ...payload, iss: 'https://another.example' }],
    [header, { ...payload, sub: "1' or 1=1" }],
    [header, { ...payload, sub: 12 }],
    [header, { ...payload, sid: '' }],
    [header, { ...payload, epoch: '5' }],
    [header, { ...payload, exp: 'never' }],
    [{ ...header, crit: ['b64'], b64: false }, payload],
    ...['exp', 'nbf', 'iat', 'sub', 'sid', 'epoch', 'iss', 'aud'].map((claim): [object, object] => [
      header,
      without(claim),
    ]),
  ];
  for (const [head, body] of others) {
    const token = signedWith(NEW.seed, head, body);
    await expect(tokens.verify(token), JSON.stringify([head, body])).rejects.toMatchObject(WRONG);
  }
  for (const text of ['', '.', '..', 'a.b.c', 'eyJ', `${'e'.repeat(5000)}.x.y`]) {
    await expect(tokens.verify(text)).rejects.toMatchObject(WRONG);
  }
});

import { expect, it } from 'vitest';
import { originOf } from './caller.ts';
import { detailOf } from './detail.ts';

it('keeps what changed and leaves out what is named like a secret, wherever it is', () => {
  const detail = {
    name: 'ci',
    password: 'x',
    newPassword: 'x',
    refreshToken: 'x',
    deep: { secretHash: 'x', fine: [1, null, { 'Set-Cookie': 'x' }] },
    hasPassword: true,
    gone: undefined,
    size: 2n ** 63n,
  };
  expect(detailOf(detail)).toEqual({
    name: 'ci',
    password: '[left out]',
    newPassword: '[left out]',
    refreshToken: '[left out]',
    deep: { secretHash: '[left out]', fine: [1, null, { 'Set-Cookie': '[left out]' }] },
    hasPassword: true,
    size: String(2n ** 63n),
  });
  expect(detailOf(undefined)).toEqual({});
});

it('keeps nothing long', () => {
  const text = detailOf({ name: 'n'.repeat(5000) }).name;
  expect(String(text)).toHaveLength(301);
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, 'n'.repeat(300)]));
  expect(detailOf(many)).toEqual({ shortened: true });
});

it('keeps of where a request came from only what is short and plain', () => {
  const agent = `Evil\r\nx: y${'😀'.repeat(500)}`;
  const { userAgent = '', address } = originOf({ address: '::1', userAgent: agent, requestId: 'r' });
  expect(userAgent.startsWith('Evilx: y')).toBe(true);
  expect(userAgent.length).toBeLessThanOrEqual(201);
  expect(userAgent.isWellFormed()).toBe(true);
  expect(address).toBe('::1');
  expect(originOf({ address: undefined, userAgent: '', requestId: undefined })).toEqual({});
});

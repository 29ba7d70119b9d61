import { expect, test } from 'vitest';
import type { LinkRecord } from '#core/model/link.ts';
import type { Principal } from '#core/model/principal.ts';
import type { UploadRecord } from '#core/model/upload.ts';
import { newLinkBody, uploadBody } from './presenters.ts';

const NOW = Date.UTC(2026, 2, 1);
const principal: Principal = { kind: 'service', keyId: 'k', owner: 'o', scopes: new Set(['write']) };
const upload: UploadRecord = {
  uid: '5',
  owner: 'o',
  name: 'a',
  state: 'open',
  size: undefined,
  md5: undefined,
  sha256: undefined,
  partSize: 8,
  store: undefined,
  transferTo: undefined,
  createdAt: NOW - 1000,
  expiresAt: NOW,
  completedAt: undefined,
};

test('an open upload whose time is over is shown as aborted, before a task has ended it', () => {
  const view = (now: number) => uploadBody({ upload, parts: [] }, undefined, { principal, now });
  expect(view(NOW)).toEqual({ uid: '5', state: 'aborted', name: 'a', partSize: 8, parts: [] });
  expect(view(NOW - 1)).toMatchObject({ state: 'open', expiresAt: '2026-03-01T00:00:00.000Z' });
});

test.each([
  [undefined, '/api/v1/files/5/content?link=id.k.mac'],
  ['https://a.example', 'https://a.example/api/v1/files/5/content?link=id.k.mac'],
  ['https://a.example/base/', 'https://a.example/base/api/v1/files/5/content?link=id.k.mac'],
])('a link with the public URL %s', (publicUrl, url) => {
  const link: LinkRecord = {
    id: 'id',
    uid: '5',
    owner: 'o',
    scope: 'read',
    disposition: 'inline',
    expiresAt: NOW,
    maxUses: undefined,
    uses: 0,
    createdAt: NOW,
    revokedAt: undefined,
  };
  const body = newLinkBody({ link, token: 'id.k.mac' }, publicUrl);
  expect(body.url).toBe(url);
  expect(body).not.toHaveProperty('owner');
  expect(body).not.toHaveProperty('uses');
});

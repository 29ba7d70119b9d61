import { describe, expect, it } from 'vitest';
import { refineType } from './content-types.ts';

const UNKNOWN = 'application/octet-stream';

describe('refineType', () => {
  it('keeps what was detected, whatever is claimed', () => {
    expect(refineType('image/png', 'application/zip')).toBe('image/png');
    expect(refineType('image/png', undefined)).toBe('image/png');
  });

  it.each([
    'application/x-company-format',
    'Application/VND.Foo+json; version=2',
    'model/stl',
    ' application/zip ',
  ])('believes %j where nothing was detected', (claim) => {
    expect(refineType(UNKNOWN, claim)).toBe((claim.split(';')[0] ?? '').trim().toLowerCase());
  });

  it.each([
    'text/html',
    'TEXT/HTML; charset=utf-8',
    'text/plain',
    'image/svg+xml',
    'image/png',
    'video/mp4',
    'application/xhtml+xml',
    'application/xml',
    'application/javascript',
    'application/ecmascript',
    'application/pdf',
    'application/x-shockwave-flash',
    'multipart/related',
    'message/rfc822',
    'font/woff2',
  ])('never believes %j, which a browser may act on', (claim) => {
    expect(refineType(UNKNOWN, claim)).toBe(UNKNOWN);
  });

  it.each([
    '',
    'zip',
    'application/',
    '/zip',
    'a b/c',
    'application/zip\r\nX-Evil: 1',
    `a/${'b'.repeat(65)}`,
  ])('does not repeat the malformed %j', (claim) => {
    expect(refineType(UNKNOWN, claim)).toBe(UNKNOWN);
  });
});

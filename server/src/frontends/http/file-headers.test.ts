import { parse } from 'content-disposition';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entityTag, mayShowInline, presentationHeaders } from './file-headers.ts';
import { fileOf } from './test-server.ts';

const headersFor = (contentType: string, disposition: 'inline' | 'attachment' = 'inline', name = 'x') =>
  presentationHeaders(fileOf(1, { contentType, name }).file, { disposition });

describe('presentationHeaders', () => {
  it.each([
    'image/png',
    'image/jpeg',
    'audio/mpeg',
    'video/mp4',
    'application/pdf',
    'text/plain',
    'text/plain; charset=x',
  ])('%s may be inline', (type) => expect(headersFor(type)['content-disposition']).toMatch(/^inline/));

  it.each([
    'text/html',
    'image/svg+xml',
    'application/xml',
    'text/xml',
    'application/xhtml+xml',
    'text/css',
    'text/javascript',
    'application/octet-stream',
    'TEXT/HTML; charset=utf-8',
    'multipart/related',
    'message/rfc822',
    '',
  ])('%s is always an attachment', (type) => {
    expect(mayShowInline(type)).toBe(false);
    expect(headersFor(type)['content-disposition']).toMatch(/^attachment/);
  });

  it('keeps content from acting', () => {
    const headers = headersFor('text/plain');
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['content-security-policy']).toBe("default-src 'none'; sandbox");
    expect(headers['referrer-policy']).toBe('no-referrer');
  });

  it('lets no page run a script, and the one around audio and video load its own address only', () => {
    const policy = (type: string, disposition?: 'inline' | 'attachment') =>
      headersFor(type, disposition)['content-security-policy'] ?? '';
    for (const type of ['audio/mpeg', 'VIDEO/mp4', 'application/ogg', 'image/png', 'application/pdf']) {
      expect(policy(type)).toMatch(/^default-src 'none'; .*sandbox/);
      expect(policy(type)).not.toMatch(/script|allow-(?!same-origin)|\*|http/);
      expect(policy(type, 'attachment')).toBe("default-src 'none'; sandbox");
    }
    for (const type of ['text/html', 'image/svg+xml', 'application/xml', '']) {
      expect(policy(type)).toBe("default-src 'none'; sandbox");
    }
    expect(policy('video/mp4')).toContain("media-src 'self'");
    expect(policy('image/png')).not.toContain('allow-same-origin');
  });

  it('carries any name, and only characters that a header may hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }), (name) => {
        const header = headersFor('image/png', 'attachment', name)['content-disposition'] ?? '';
        expect(header).toMatch(/^[\x20-\x7e\xa0-\xff]*$/);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: the same characters that must not be there.
        const clean = name.toWellFormed().replace(/[\x00-\x1f\x7f]/g, '_');
        expect(parse(header).parameters.filename).toBe(clean);
      }),
    );
  });
});

it('makes a strong tag from uid and generation', () => {
  expect(entityTag(fileOf(1, { uid: '36', generation: 7 }).file)).toBe('"10-7"');
});

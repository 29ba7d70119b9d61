import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONTENT_TYPE_HEAD_BYTES } from '#core/ports/content-typer.ts';
import { fileTypeContentTyper } from './file-type.ts';

const detect = (content: string | Uint8Array, name: string): Promise<string> =>
  fileTypeContentTyper.detect(typeof content === 'string' ? Buffer.from(content) : content, name);

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** A zip with one entry, with enough of its headers for a reader of beginnings. */
function zip(entry: string, content: string): Buffer {
  const name = Buffer.from(entry);
  const data = deflateRawSync(Buffer.from(content));
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(20, 4);
  header.writeUInt16LE(8, 8);
  header.writeUInt32LE(data.length, 18);
  header.writeUInt32LE(content.length, 22);
  header.writeUInt16LE(name.length, 26);
  return Buffer.concat([header, name, data]);
}

const cfb = Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(600)]);

describe('magic bytes', () => {
  it.each([
    ['a png', PNG, 'a.png', 'image/png'],
    ['a png that says it is a page', PNG, 'a.html', 'image/png'],
    ['a png without a name', PNG, '', 'image/png'],
    ['a jpeg', Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex'), 'x.jpg', 'image/jpeg'],
    ['a pdf', '%PDF-1.7\n%\u00e2\u00e3\n1 0 obj', 'x', 'application/pdf'],
    ['a gif', Buffer.from('GIF89a\x01\x00\x01\x00\x00\x00\x00;', 'latin1'), 'x.bin', 'image/gif'],
    ['gzip', Buffer.from('1f8b0800000000000003', 'hex'), 'x.tar.gz', 'application/gzip'],
    ['a zip', zip('readme.txt', 'hello'), 'x.zip', 'application/zip'],
    [
      'a zip named docx',
      zip('readme.txt', 'hello'),
      'x.docx',
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    ],
    ['a zip named html', zip('readme.txt', 'hello'), 'x.html', 'application/zip'],
    ['an old office file', cfb, 'x.doc', 'application/msword'],
    ['an old office file without a name', cfb, 'x', 'application/x-cfb'],
  ])('%s', async (_what, content, name, expected) => expect(await detect(content, name)).toBe(expected));
});

describe('text', () => {
  it.each([
    ['hello', 'a.txt', 'text/plain'],
    ['hello', 'a', 'text/plain'],
    ['hello', 'a.unknown-thing', 'text/plain'],
    ['hello', 'a.png', 'text/plain'],
    ['hello', 'a.exe', 'text/plain'],
    ['a,b\n1,2', 'a.csv', 'text/csv'],
    ['{"a":1}', 'A.JSON', 'application/json'],
    ['# hi', 'a.md', 'text/markdown'],
    ['<p>hi', 'a.html', 'text/html'],
    ['<p>hi', 'a.xhtml', 'application/xhtml+xml'],
    ['a{}', 'a.css', 'text/css'],
    ['1', 'a.js', 'text/javascript'],
    ['const a = 1;', 'a.ts', 'text/plain'],
    ['fn main() {}', 'a.rs', 'text/plain'],
    ['<a/>', 'a.xml', 'application/xml'],
    ['<?xml version="1.0"?><a/>', 'a.svg', 'image/svg+xml'],
    ['<svg xmlns="http://www.w3.org/2000/svg"/>', 'a.svg', 'image/svg+xml'],
    ['a: 1', 'a.yaml', 'text/yaml'],
    ['日本語', '名前.txt', 'text/plain'],
    ['hello', 'folder.html/name', 'text/plain'],
    ['hello', 'C:\\x.html\\name', 'text/plain'],
    ['', 'a.csv', 'text/csv'],
    ['', 'a.png', 'application/octet-stream'],
    ['', 'a', 'application/octet-stream'],
    ['', '', 'application/octet-stream'],
  ])('%j as %s', async (content, name, expected) => expect(await detect(content, name)).toBe(expected));

  it('is not fooled by a character that the head cuts in two', async () => {
    const head = Buffer.from(`${'x'.repeat(CONTENT_TYPE_HEAD_BYTES - 1)}é`).subarray(
      0,
      CONTENT_TYPE_HEAD_BYTES,
    );
    expect(await detect(head, 'a.txt')).toBe('text/plain');
    expect(await detect(Buffer.from('é').subarray(0, 1), 'a.txt')).toBe('application/octet-stream');
  });
});

describe('neither', () => {
  it.each([
    ['\0\x01\x02', 'a.png', 'application/octet-stream'],
    ['\0\x01\x02', 'a.txt', 'application/octet-stream'],
    ['<p>\0', 'a.html', 'application/octet-stream'],
    ['\0\x01\x02', 'a.mp4', 'application/octet-stream'],
    ['\0\x01\x02', 'a.tga', 'image/x-tga'],
  ])('%j as %s', async (content, name, expected) => expect(await detect(content, name)).toMatch(expected));
});

it('always gives a lower-case media type and never rejects', async () => {
  const head = fc.oneof(
    fc.uint8Array({ maxLength: CONTENT_TYPE_HEAD_BYTES }),
    fc.string().map((text) => Buffer.from(text)),
  );
  const started = [PNG, cfb, zip('a', 'b'), Buffer.from('ID3'), Buffer.from('OggS'), Buffer.from('RIFF')];
  const broken = fc
    .tuple(fc.constantFrom(...started), fc.uint8Array({ maxLength: 100 }))
    .map((parts) => Buffer.concat(parts));
  await fc.assert(
    fc.asyncProperty(fc.oneof(head, broken), fc.string({ maxLength: 30 }), async (bytes, name) => {
      expect(await detect(bytes, name)).toMatch(/^[a-z0-9][a-z0-9.+-]*\/[a-z0-9][a-z0-9.+-]*$/);
    }),
    { numRuns: 500 },
  );
});

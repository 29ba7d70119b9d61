import { expect, test } from 'vitest';
import { previewKindOf } from './preview-kind.ts';

test.each([
  ['image/jpeg', 'a.jpg', 'image'],
  ['image/svg+xml', 'a.svg', 'text'],
  ['audio/mpeg', 'a.mp3', 'audio'],
  ['application/ogg', 'a.ogx', 'audio'],
  ['video/mp4', 'a.mp4', 'video'],
  ['application/pdf', 'a.pdf', 'pdf'],
  ['text/plain', 'a', 'text'],
  ['text/html', 'a.html', 'text'],
  ['application/xhtml+xml', 'a.xhtml', 'text'],
  ['application/json', 'a.json', 'text'],
  ['TEXT/HTML; charset=utf-8', 'a.html', 'text'],
  ['application/octet-stream', 'gbk.txt', 'text'],
  ['application/octet-stream', 'a.exe', 'none'],
  ['application/zip', 'a.txt', 'none'],
  ['', '', 'none'],
])('%s of %s is shown as %s', (contentType, name, kind) =>
  expect(previewKindOf(contentType, name)).toBe(kind),
);

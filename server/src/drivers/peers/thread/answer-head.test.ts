import { describe, expect, it } from 'vitest';
import { parseHead } from './answer-head.ts';

const lines = (...all: readonly string[]): string => all.join('\r\n');

describe('the head of an answer', () => {
  it('tells status, length and the headers of osproxy', () => {
    const text = lines(
      'HTTP/1.1 200 OK',
      'Content-Length: 17',
      'X-Osproxy-Object-Size:  40 ',
      'Date: Sat, 21 Nov 2026 10:00:00 GMT',
      'Connection: keep-alive',
    );
    expect(parseHead(text, 'GET')).toEqual({
      status: 200,
      headers: { 'x-osproxy-object-size': '40' },
      length: 17,
      follows: 17,
      keeps: true,
    });
  });

  it.each([
    ['HEAD', 'HTTP/1.1 200 OK'],
    ['GET', 'HTTP/1.1 304 '],
    ['DELETE', 'HTTP/1.1 204'],
  ])('has nothing behind it for %s and %s', (method, first) => {
    expect(parseHead(lines(first, 'content-length: 5'), method)).toMatchObject({ length: 5, follows: 0 });
  });

  it.each([
    ['close', false],
    ['Keep-Alive, Close', false],
    ['keep-alive', true],
    ['disclosed', true],
  ])('with "connection: %s" says whether the connection stays: %s', (value, keeps) => {
    expect(
      parseHead(lines('HTTP/1.1 200 OK', 'content-length: 1', `connection: ${value}`), 'GET').keeps,
    ).toBe(keeps);
  });

  it('with chunks, or without a length, says nothing about what follows', () => {
    const unknown = { length: undefined, follows: undefined, keeps: false };
    expect(parseHead(lines('HTTP/1.1 404 Not Found', 'transfer-encoding: chunked'), 'GET')).toMatchObject(
      unknown,
    );
    expect(parseHead('HTTP/1.1 200 OK', 'GET')).toMatchObject(unknown);
  });

  it.each([
    ['another protocol', lines('SSH-2.0-OpenSSH_9')],
    ['an older HTTP', lines('HTTP/1.0 200 OK')],
    ['an interim answer', lines('HTTP/1.1 100 Continue')],
    ['a switch of protocols', lines('HTTP/1.1 101 Switching Protocols', 'upgrade: x')],
    ['a folded line', lines('HTTP/1.1 200 OK', 'x-osproxy-a: 1', ' 2')],
    ['a space before the colon', lines('HTTP/1.1 200 OK', 'content-length : 1')],
    ['a bare line end', lines('HTTP/1.1 200 OK', 'x-osproxy-a: 1\ncontent-length: 3')],
    ['two lengths', lines('HTTP/1.1 200 OK', 'content-length: 1', 'Content-Length: 1')],
    ['a list of lengths', lines('HTTP/1.1 200 OK', 'content-length: 1, 1')],
    ['a length and chunks', lines('HTTP/1.1 200 OK', 'content-length: 1', 'transfer-encoding: chunked')],
    ['a signed length', lines('HTTP/1.1 200 OK', 'content-length: +1')],
    ['a length beyond what numbers hold', lines('HTTP/1.1 200 OK', 'content-length: 9999999999999999')],
    ['a proof twice', lines('HTTP/1.1 200 OK', 'x-osproxy-peer-proof: a', 'x-osproxy-peer-proof: b')],
  ])('is refused with %s', (_name, text) => {
    expect(() => parseHead(text, 'GET')).toThrow('The answer');
  });

  it('takes no name from the prototype for a header', () => {
    expect(parseHead(lines('HTTP/1.1 200 OK', '__proto__: x', 'constructor: y'), 'GET').headers).toEqual({});
  });
});

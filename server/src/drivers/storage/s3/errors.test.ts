import { expect, test } from 'vitest';
import { OsproxyError } from '#core/errors.ts';
import { hasVendorCode, translate, translateUpload } from './errors.ts';

function vendorError(name: string, status: number, headers: Record<string, string> = {}): Error {
  const facts = {
    name,
    ...(name !== 'Unknown' && { Code: name }),
    $metadata: { httpStatusCode: status },
    $response: { statusCode: status, headers },
  };
  return Object.assign(new Error('files-1250000000/secret-key at acme.example.com'), facts);
}

test.each([
  ['NoSuchKey', 404, 'NotFound', false],
  ['NotFound', 404, 'NotFound', false],
  ['NoSuchBucket', 404, 'Unavailable', false],
  ['InvalidRange', 416, 'RangeNotSatisfiable', false],
  ['AccessDenied', 403, 'PermissionDenied', false],
  ['SignatureDoesNotMatch', 403, 'PermissionDenied', false],
  ['InvalidAccessKeyId', 403, 'PermissionDenied', false],
  ['RequestTimeTooSkewed', 403, 'PermissionDenied', false],
  ['SlowDown', 503, 'Unavailable', true],
  ['InternalError', 500, 'Unavailable', true],
  ['NoSuchUpload', 404, 'Unavailable', true],
  ['EntityTooLarge', 400, 'TooLarge', false],
  ['BadDigest', 400, 'ChecksumMismatch', false],
  ['QuotaExceeded', 403, 'QuotaExceeded', false],
  ['SecondLevelDomainForbidden', 403, 'Unavailable', false],
  ['SomethingNew', 404, 'NotFound', false],
  ['SomethingNew', 403, 'PermissionDenied', false],
  ['SomethingNew', 503, 'Unavailable', true],
  ['SomethingNew', 599, 'Unavailable', true],
  ['SomethingNew', 400, 'Internal', false],
] as const)('%s in status %i is %s', (name, status, code, retryable) => {
  const cause = vendorError(name, status);
  const error = translate(cause);
  expect(error).toMatchObject({ code, retryable, cause });
  expect(error.message).not.toMatch(/files-|secret-key|acme|OSS|COS|AWS|Ceph/);
});

test.each(['ECONNRESET', 'ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT', 'EPIPE', 'EHOSTUNREACH'])(
  'the failed system call %s is Unavailable and worth another try',
  (code) => {
    const cause = Object.assign(new Error('connect 10.0.0.1:443'), { code });
    const error = translate(cause);
    expect(error).toMatchObject({ code: 'Unavailable', retryable: true, cause });
    expect(error.message).not.toContain('10.0.0.1');
  },
);

test('a refusal without any word of the store comes from the server before it, to a request that broke off', () => {
  const bare = vendorError('Unknown', 400);
  expect(translate(bare)).toMatchObject({ code: 'Unavailable', retryable: true, cause: bare });
  const told = Object.assign(vendorError('Unknown', 400), {
    $metadata: { httpStatusCode: 400, requestId: 'tx1' },
  });
  expect(translate(told).code).toBe('Internal');
});

test('a store that says of bytes brought to it that there is nothing did not get them whole', () => {
  const cause = vendorError('NoSuchKey', 404);
  expect(translateUpload(cause)).toMatchObject({ code: 'Unavailable', retryable: true, cause });
  expect(translateUpload(vendorError('NoSuchBucket', 404)).retryable).toBe(false);
  expect(translateUpload(vendorError('AccessDenied', 403)).code).toBe('PermissionDenied');
});

test('the seconds that the service asks for are kept', () => {
  expect(translate(vendorError('SlowDown', 503, { 'retry-after': '7' })).retryAfterSeconds).toBe(7);
  expect(translate(vendorError('SlowDown', 503)).retryAfterSeconds).toBeUndefined();
});

test('a refusal is put down to the clock where the service says so, or where its own is far away', () => {
  expect(translate(vendorError('RequestTimeTooSkewed', 403)).message).toContain('clock');
  const date = (minutes: number) => ({ date: new Date(Date.now() - minutes * 60_000).toUTCString() });
  expect(translate(vendorError('Unknown', 403, date(60))).message).toContain('clock');
  expect(translate(vendorError('Unknown', 403, date(-60))).message).toContain('clock');
  expect(translate(vendorError('Unknown', 403, date(1))).message).not.toContain('clock');
  expect(translate(vendorError('NoSuchKey', 404, date(60))).code).toBe('NotFound');
});

test('an OsproxyError stays, and what is no error at all is Internal', () => {
  const own = new OsproxyError('TooLarge', 'Too much.');
  expect(translate(own)).toBe(own);
  expect(translate('text')).toMatchObject({ code: 'Internal', cause: 'text' });
});

test('a code is found wherever the SDK keeps it', () => {
  expect(hasVendorCode(vendorError('NoSuchUpload', 404), 'NoSuchUpload')).toBe(true);
  expect(hasVendorCode(Object.assign(new Error(), { Code: 'NoSuchUpload' }), 'NoSuchUpload')).toBe(true);
  expect(hasVendorCode(new Error('NoSuchUpload'), 'NoSuchUpload')).toBe(false);
  expect(hasVendorCode(undefined, 'NoSuchUpload')).toBe(false);
});

test.each([
  ['text/html', 404, true],
  ['text/html; charset=utf-8', 403, true],
  ['application/problem+json', 404, true],
  ['text/html', 400, false],
  ['text/html', 200, true],
  ['application/xml', 404, false],
  // A proxy speaks for a store that is behind it.
  ['text/html', 502, false],
  ['text/html', 413, false],
  ['text/html', 429, false],
])('an answer of the type %s in status %i is from no store: %s', (type, status, foreign) => {
  const error = translate(vendorError('UnknownError', status, { 'content-type': type }));
  expect(error.message.includes('no store that speaks S3')).toBe(foreign);
  if (foreign) expect(error).toMatchObject({ code: 'Unavailable', retryable: false });
});

test.each([
  ['EPROTO', 'does not speak TLS'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'does not speak TLS'],
  ['CERT_HAS_EXPIRED', 'NODE_EXTRA_CA_CERTS'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'NODE_EXTRA_CA_CERTS'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'for another host'],
])('the failed handshake %s is a wrong setting', (code, words) => {
  const error = translate(Object.assign(new Error('failed'), { code }));
  expect(error).toMatchObject({ code: 'Unavailable', retryable: false });
  expect(error.message).toContain(words);
});

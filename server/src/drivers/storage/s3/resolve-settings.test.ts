import { describe, expect, test } from 'vitest';
import { OsproxyError } from '#core/errors.ts';
import { resolveSettings } from './resolve-settings.ts';
import type { S3Settings } from './settings.ts';

const key = { accessKeyId: 'id', secretAccessKey: 'secret' };
const ossKey = { accessKeyId: 'id', accessKeySecret: 'secret' };
const cosKey = { secretId: 'id', secretKey: 'secret' };

function resolved(settings: S3Settings, environment: Record<string, string> = {}) {
  return resolveSettings(settings, environment);
}

function refusal(settings: S3Settings, environment: Record<string, string> = {}): string {
  try {
    resolveSettings(settings, environment);
  } catch (error) {
    if (error instanceof OsproxyError && error.code === 'InvalidArgument') return error.message;
    throw error;
  }
  throw new Error('The settings were not refused.');
}

describe('where the store is', () => {
  test.each<[S3Settings, object]>([
    [
      { vendor: 'aws', bucket: 'files', region: 'eu-central-1', ...key },
      { endpoint: undefined, region: 'eu-central-1', pathStyle: false },
    ],
    [
      { vendor: 'ceph', bucket: 'files', endpoint: 'http://10.1.2.3:7480', ...key },
      { endpoint: 'http://10.1.2.3:7480', region: 'us-east-1', pathStyle: true },
    ],
    [
      { vendor: 'oss', bucket: 'files', region: 'cn-hangzhou', ...ossKey },
      { endpoint: 'https://s3.oss-cn-hangzhou.aliyuncs.com', region: 'cn-hangzhou', pathStyle: false },
    ],
    [
      { vendor: 'oss', bucket: 'files', endpoint: 'https://oss-cn-beijing-internal.aliyuncs.com', ...ossKey },
      { endpoint: 'https://s3.oss-cn-beijing-internal.aliyuncs.com', region: 'cn-beijing' },
    ],
    [
      { vendor: 'cos', bucket: 'files', appId: '1250000000', region: 'ap-guangzhou', ...cosKey },
      {
        endpoint: 'https://cos.ap-guangzhou.myqcloud.com',
        region: 'ap-guangzhou',
        bucket: 'files-1250000000',
        pathStyle: false,
      },
    ],
    [
      { vendor: 'r2', bucket: 'files', accountId: 'abc123', ...key },
      { endpoint: 'https://abc123.r2.cloudflarestorage.com', region: 'auto', pathStyle: true },
    ],
  ])('%j', (settings, expected) => {
    expect(resolved(settings)).toMatchObject(expected);
  });

  test('a COS bucket that ends in its APPID is taken as it is', () => {
    const cos = { vendor: 'cos', region: 'ap-guangzhou', ...cosKey } as const;
    expect(resolved({ ...cos, bucket: 'a-1250000000' }).bucket).toBe('a-1250000000');
    expect(resolved({ ...cos, bucket: 'a-1250000000', appId: '1250000000' }).bucket).toBe('a-1250000000');
    expect(refusal({ ...cos, bucket: 'a' })).toContain('"appId"');
  });

  test('what is missing or contradicts itself is said in one sentence', () => {
    const bucket = 'files';
    expect(refusal({ vendor: 'ceph', bucket, ...key })).toContain('needs "endpoint"');
    expect(refusal({ vendor: 'aws', bucket, ...key })).toContain('needs "region"');
    expect(refusal({ vendor: 'r2', bucket, ...key })).toContain('"accountId"');
    expect(refusal({ vendor: 'oss', bucket, ...ossKey })).toContain('or "region"');
    expect(
      refusal({
        vendor: 'oss',
        bucket,
        ...ossKey,
        region: 'cn-a',
        endpoint: 'https://s3.oss-cn-b.aliyuncs.com',
      }),
    ).toContain('contradicts');
    expect(
      refusal({ vendor: 'r2', bucket, ...key, accountId: 'a', endpoint: 'https://r2.example.com' }),
    ).toContain('not both');
    for (const endpoint of [
      's3.example.com',
      'ftp://a',
      'https://a/path',
      'https://u:p@a',
      'https://a?b=c',
    ]) {
      expect(refusal({ vendor: 'ceph', bucket, ...key, endpoint })).toContain('"endpoint"');
    }
  });

  test('addressing follows the vendor', () => {
    const endpoint = 'https://s3.example.com';
    const ceph = { vendor: 'ceph', bucket: 'files', endpoint, ...key } as const;
    expect(resolved({ ...ceph, forcePathStyle: false }).pathStyle).toBe(false);
    expect(refusal({ ...ceph, forcePathStyle: false, endpoint: 'http://127.0.0.1:1' })).toContain('a name');
    expect(refusal({ ...ceph, forcePathStyle: false, endpoint: 'http://[::1]:1' })).toContain('a name');
    expect(refusal({ ...ceph, forcePathStyle: false, bucket: 'with.dots' })).toContain('host name');
    const oss = { vendor: 'oss', bucket: 'files', region: 'cn-a', ...ossKey } as const;
    expect(refusal({ ...oss, forcePathStyle: true })).toContain('refuses path-style');
  });

  test('a prefix ends in one slash; a bad one is refused', () => {
    const ceph = { vendor: 'ceph', bucket: 'files', endpoint: 'https://a', ...key } as const;
    expect(resolved(ceph).prefix).toBe('');
    expect(resolved({ ...ceph, prefix: 'one/two' }).prefix).toBe('one/two/');
    expect(resolved({ ...ceph, prefix: 'one/' }).prefix).toBe('one/');
    for (const prefix of ['/', '/a', 'a//b', '..', 'a/../b', 'a b', 'ä']) {
      expect(refusal({ ...ceph, prefix })).toContain('"prefix"');
    }
  });
});

test('more parts at once than there are connections for are refused', () => {
  const ceph = { vendor: 'ceph', bucket: 'files', endpoint: 'https://a', ...key } as const;
  expect(resolved({ ...ceph, maxSockets: 8, concurrency: 4 })).toMatchObject({
    maxSockets: 8,
    concurrency: 4,
  });
  expect(refusal({ ...ceph, maxSockets: 8, concurrency: 5 })).toContain('"maxSockets"');
});

describe('the key', () => {
  const oss = { vendor: 'oss', bucket: 'files', region: 'cn-a' } as const;
  const ceph = { vendor: 'ceph', bucket: 'files', endpoint: 'https://a' } as const;

  test('is given in the words of the vendor', () => {
    const expected = { accessKeyId: 'id', secretAccessKey: 'secret' };
    expect(resolved({ ...oss, ...ossKey }).key).toEqual(expected);
    expect(resolved({ ...ceph, ...key, sessionToken: 't' }).key).toEqual({ ...expected, sessionToken: 't' });
    expect(refusal({ ...oss, ...key })).toContain('not "secretAccessKey"');
    expect(refusal({ ...ceph, ...cosKey })).toContain('not "secretId"');
    expect(refusal({ ...ceph, ...key, appId: '1' })).toContain('belongs to the vendor cos');
    expect(refusal({ ...ceph, ...key, accountId: 'a' })).toContain('belongs to the vendor r2');
  });

  test('is whole or not there', () => {
    expect(refusal({ ...ceph, accessKeyId: 'id' })).toContain('needs both');
    expect(refusal({ ...ceph, secretAccessKey: 'secret' })).toContain('needs both');
    expect(refusal({ ...ceph, sessionToken: 't' })).toContain('needs both');
    expect(refusal({ ...ceph, accessKeyId: 'id' })).not.toContain('"id"');
  });

  test('comes from the environment: by the names of the vendor, or left to the AWS chain', () => {
    expect(resolved(ceph).key).toBeUndefined();
    const alibaba = { ALIBABA_CLOUD_ACCESS_KEY_ID: 'e', ALIBABA_CLOUD_ACCESS_KEY_SECRET: 's' };
    expect(resolved(oss, alibaba).key).toEqual({ accessKeyId: 'e', secretAccessKey: 's' });
    const token = { ...alibaba, ALIBABA_CLOUD_SECURITY_TOKEN: 't' };
    expect(resolved(oss, token).key?.sessionToken).toBe('t');
    expect(resolved({ ...oss, ...ossKey }, alibaba).key?.accessKeyId).toBe('id');
    expect(refusal(oss)).toContain('ALIBABA_CLOUD_ACCESS_KEY_ID');
    expect(refusal(oss, { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' })).toContain('environment');
  });
});

import { afterAll } from 'vitest';
import { S3Proxy } from '#test/services/s3-proxy.ts';
import { cosRules } from '#test/services/s3-proxy-cos.ts';
import { ossRules } from '#test/services/s3-proxy-oss.ts';
import { withService } from '#test/services/shared.ts';
import { storageContract } from './storage-contract.ts';
import { loopbackLookup, newBucket, proxyTo, s3Subjects } from './storage-s3-subject.ts';

const key = { accessKeyId: 'VENDORKEY', secretAccessKey: 'VENDORSECRET' };

await withService('ceph-rgw', async (access) => {
  const oss = await S3Proxy.start(proxyTo(access, ossRules, key));
  const cos = await S3Proxy.start(proxyTo(access, cosRules, key));
  afterAll(() => Promise.all([oss.stop(), cos.stop()]));
  const more = { lookup: loopbackLookup };

  const ossBucket = await newBucket(access);
  storageContract(
    's3 on what refuses like OSS',
    s3Subjects({
      access,
      bucket: ossBucket,
      settings: {
        vendor: 'oss',
        endpoint: oss.endpoint,
        region: 'cn-test',
        bucket: ossBucket,
        accessKeyId: key.accessKeyId,
        accessKeySecret: key.secretAccessKey,
      },
      more,
    }),
  );

  const cosBucket = await newBucket(access, '-1250000000');
  storageContract(
    's3 on what refuses like COS',
    s3Subjects({
      access,
      bucket: cosBucket,
      settings: {
        vendor: 'cos',
        endpoint: cos.endpoint,
        region: 'ap-test',
        bucket: cosBucket.replace('-1250000000', ''),
        appId: '1250000000',
        secretId: key.accessKeyId,
        secretKey: key.secretAccessKey,
      },
      more,
    }),
  );
});

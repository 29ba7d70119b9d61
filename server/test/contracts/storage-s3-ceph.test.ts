import { withService } from '#test/services/shared.ts';
import { storageContract } from './storage-contract.ts';
import { cephSettings, newBucket, s3Subjects } from './storage-s3-subject.ts';

await withService('ceph-rgw', async (access) => {
  const bucket = await newBucket(access);
  const settings = cephSettings(access, bucket);
  storageContract('s3 on Ceph RGW', s3Subjects({ access, bucket, settings }));
});

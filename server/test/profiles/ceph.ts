import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3';
import { plainClient } from '#test/contracts/storage-s3-subject.ts';
import type { CephRgwAccess } from '#test/services/ceph-rgw.ts';
import type { Profile } from './profile.ts';

const BUCKET = 'osproxy-e2e';

/** One bucket for the run, a prefix for every service. */
export const ceph: Profile<'ceph-rgw'> = {
  needs: 'ceph-rgw',
  async place(name, access) {
    const prefix = `${name}/`;
    const { endpoint, accessKeyId, secretAccessKey } = access;
    await withClient(access, (client) => client.send(new CreateBucketCommand({ Bucket: BUCKET })));
    return {
      store: { type: 's3', vendor: 'ceph', endpoint, bucket: BUCKET, prefix, accessKeyId, secretAccessKey },
      remove: () => withClient(access, (client) => empty(client, prefix)),
    };
  },
};

async function withClient<T>(access: CephRgwAccess, work: (client: S3Client) => Promise<T>): Promise<T> {
  const client = plainClient(access);
  try {
    return await work(client);
  } finally {
    client.destroy();
  }
}

/** The gateway keeps everything in memory, so nothing stays longer than its service. */
async function empty(client: S3Client, prefix: string): Promise<void> {
  for (;;) {
    const page = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: prefix }));
    const Objects = (page.Contents ?? []).map(({ Key }) => ({ Key }));
    if (Objects.length === 0) return;
    await client.send(new DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Objects, Quiet: true } }));
  }
}

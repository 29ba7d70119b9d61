import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { startCephRgw } from '../../server/test/services/ceph-rgw.ts';
import { ServiceUnavailable } from '../../server/test/services/service-unavailable.ts';
import { GIB } from './files.ts';
import { stopLater } from './processes.ts';
import { type S3Place, sdkClient } from './sdk-client.ts';
import { MissingTool } from './tools.ts';
import type { Workspace } from './workspace.ts';

/** A Ceph gateway of the benchmark's own, with everything in memory, and a bucket in it. */
export interface Ceph {
  readonly place: S3Place;
  /** Names of all objects in the bucket that hold stored bytes. */
  objects(): Promise<string[]>;
  /** Removes what `objects` names and frees its memory. */
  empty(): Promise<void>;
}

/** The service itself keeps this one in every store. */
const MARK = 'osproxy-store-mark';

/** Ends with the benchmark. Throws MissingTool where Ceph is not here and cannot be installed. */
export async function startCeph(workspace: Workspace, storeBytes = 4 * GIB): Promise<Ceph> {
  const rgw = await startCephRgw({ folder: workspace.folder('ceph'), storeBytes }).catch(
    (error: unknown): never => {
      throw error instanceof ServiceUnavailable ? new MissingTool(error.message) : error;
    },
  );
  stopLater(() => rgw.stop());
  const { endpoint, accessKeyId, secretAccessKey } = rgw.access;
  const place: S3Place = { endpoint, accessKeyId, secretAccessKey, bucket: 'bench' };
  const client = sdkClient(place);
  await client.send(new CreateBucketCommand({ Bucket: place.bucket }));
  return {
    place,
    objects: () => objectsIn(client, place.bucket),
    empty: async () => {
      for (let keys = await objectsIn(client, place.bucket); keys.length > 0; keys = keys.slice(1000)) {
        const Objects = keys.slice(0, 1000).map((Key) => ({ Key }));
        await client.send(new DeleteObjectsCommand({ Bucket: place.bucket, Delete: { Objects } }));
      }
      await rgw.collectGarbage();
    },
  };
}

/** For startOsproxy: the bucket as the only store, every read from the store and none from memory. */
export function storeSettings(place: S3Place, more: readonly object[] = []): Record<string, string> {
  const store = { name: 'ceph', type: 's3', vendor: 'ceph', ...place };
  return { OSPROXY_STORES: JSON.stringify([store, ...more]), OSPROXY_CACHE_SMALL_OBJECTS_MIB: '0' };
}

async function objectsIn(client: S3Client, bucket: string): Promise<string[]> {
  const keys: string[] = [];
  for (let from: string | undefined = ''; from !== undefined; ) {
    const page: ListObjectsV2CommandOutput = await client.send(
      new ListObjectsV2Command({ Bucket: bucket, ...(from !== '' && { ContinuationToken: from }) }),
    );
    keys.push(...(page.Contents ?? []).map(({ Key = '' }) => Key).filter((key) => !key.endsWith(MARK)));
    from = page.NextContinuationToken;
  }
  return keys;
}

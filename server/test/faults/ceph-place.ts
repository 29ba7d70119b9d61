import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { MARK_KEY } from '#core/store-marks.ts';
import { newBucket, openUploads, plainClient } from '#test/contracts/storage-s3-subject.ts';
import { Client } from '#test/e2e/osproxy-v0/client.ts';
import { openPlace, type Place } from '#test/e2e/stores/two-stores.ts';
import type { CephRgwAccess } from '#test/services/ceph-rgw.ts';
import { TcpFaultProxy } from '#test/services/tcp-fault-proxy.ts';
import { settles } from './probe.ts';
import { NAMED_KEYS } from './store-folder.ts';
import type { StormPlace } from './store-storm.ts';

/** Longest time without a byte that the store "ceph" is given here. Generous: on a machine under load a store that is well takes its time. */
export const STORE_IDLE_SECONDS = 4;

/** A service on a local disk and a bucket of Ceph behind a proxy that makes faults. */
export interface CephPlace extends Place, StormPlace {
  readonly proxy: TcpFaultProxy;
  readonly bucket: string;
  /** Straight to the gateway, past the proxy. */
  readonly s3: S3Client;
  /** Keys of contents in the bucket, sorted. */
  bucketKeys(): Promise<string[]>;
  /** Keys of contents on the disk, sorted. */
  diskKeys(): Promise<string[]>;
  /** Multipart uploads that nobody ended. */
  openUploads(): Promise<number>;
  onlyNamed(withinMs?: number): Promise<void>;
}

export interface CephPlaceOptions {
  /** Further sections of the configuration. */
  readonly yaml?: string;
  readonly defaultStore?: 'ceph' | 'disk';
  readonly graceSeconds?: number;
}

export async function openCephPlace(
  access: CephRgwAccess,
  { yaml = '', defaultStore = 'ceph', graceSeconds = 3 }: CephPlaceOptions = {},
): Promise<CephPlace> {
  const bucket = await newBucket(access);
  const proxy = await TcpFaultProxy.start(Number(new URL(access.endpoint).port));
  const s3 = plainClient(access);
  const idle = STORE_IDLE_SECONDS;
  const place = await openPlace(`
stores:
  - name: ceph
    type: s3
    vendor: ceph
    endpoint: http://127.0.0.1:${proxy.port}
    bucket: ${bucket}
    accessKeyId: ${access.accessKeyId}
    secretAccessKey: ${access.secretAccessKey}
    partSizeMiB: 5
    connectTimeoutSeconds: 2
    firstByteTimeoutSeconds: ${2 * idle}
    idleTimeoutSeconds: ${idle}
  - { name: disk, type: local-disk, path: disk }
defaultStore: ${defaultStore}
purge: { graceSeconds: ${graceSeconds}, intervalSeconds: 1 }
tasks: { leaseSeconds: 5 }
cache: { smallObjectsMiB: 0 }
http: { keepAliveSeconds: 600 } # A client's request must not cross with the end of its idle connection.
${yaml}
`);
  const bucketKeys = async () => {
    const keys: string[] = [];
    for (let from: string | undefined; ; ) {
      const page = await s3.send(new ListObjectsV2Command({ Bucket: bucket, ContinuationToken: from }));
      for (const { Key } of page.Contents ?? []) if (Key !== undefined && Key !== MARK_KEY) keys.push(Key);
      from = page.NextContinuationToken;
      if (from === undefined) return keys.sort();
    }
  };
  const diskKeys = async () => {
    const folder = join(place.dataDir, 'disk', 'objects');
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    const keys = files.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
    return keys.filter((key) => key !== MARK_KEY).sort();
  };
  const differences = async (store: string, there: readonly string[]): Promise<string | undefined> => {
    const named = (await place.query(`${NAMED_KEYS} where p.store = '${store}'`)).map(({ key }) =>
      String(key),
    );
    const besides = new Set(there).difference(new Set(named));
    const missing = new Set(named).difference(new Set(there));
    if (besides.size + missing.size === 0) return undefined;
    return `${store} holds ${besides.size} objects that nothing names and lacks ${missing.size} that are named`;
  };
  const tasks = async () =>
    (
      await place.query(
        "select type, state, attempts, last_error from tasks where state not in ('done', 'cancelled')",
      )
    )
      .map((row) => Object.values(row).join(' '))
      .join('; ');
  // The getters of the place give what is current after a restart.
  return Object.create(place, {
    proxy: { value: proxy },
    bucket: { value: bucket },
    s3: { value: s3 },
    bucketKeys: { value: bucketKeys },
    diskKeys: { value: diskKeys },
    openUploads: { value: () => openUploads(s3, bucket, '') },
    clients: {
      get: () => ({ rest: place.client, v0: new Client(place.service.url, place.service.apiKey) }),
    },
    probes: { get: () => [place.client] },
    lines: { get: () => place.service.lines },
    leftovers: {
      value: async () => {
        const left = [...(await bucketKeys()), ...(await diskKeys())].length;
        const uploads = await openUploads(s3, bucket, '');
        return left + uploads === 0 ? undefined : `${left} objects, ${uploads} multipart uploads`;
      },
    },
    onlyNamed: {
      value: (withinMs = 60_000) =>
        settles(withinMs, async () => {
          const wrong =
            (await differences('ceph', await bucketKeys())) ??
            (await differences('disk', await diskKeys())) ??
            ((await openUploads(s3, bucket, '')) > 0 ? 'unfinished multipart uploads' : undefined);
          return wrong === undefined ? undefined : `${wrong}; tasks: ${await tasks()}`;
        }),
    },
    verified: {
      value: (uid: string) =>
        settles(60_000, async () => {
          const { verified, state } = (await place.client.call('GET', `/files/${uid}`)).json;
          return verified ? undefined : `file ${uid} is ${state} and not verified; tasks: ${await tasks()}`;
        }),
    },
    cleanFsck: {
      value: async () => {
        const { code, out, errors } = await place.command('fsck', '--deep');
        if (code !== 0 || !/: 0 found/.test(out))
          throw new Error(`fsck ended with ${code}:\n${out}\n${errors}`);
      },
    },
    close: {
      value: async () => {
        s3.destroy();
        await place.close();
        await proxy.close();
      },
    },
  }) as CephPlace;
}

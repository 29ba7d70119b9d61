import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Diagnosis } from '#core/doctor-diagnosis.ts';
import { newBucket, plainClient } from '#test/contracts/storage-s3-subject.ts';
import { API_KEY, startService } from '#test/e2e/service.ts';
import { osproxy } from '#test/faults/store-folder.ts';
import { freePort } from '#test/services/ports.ts';
import { withService } from '#test/services/shared.ts';

const HOOK = new URL('./other-world.ts', import.meta.url).href;
const HOUR_MS = 3_600_000;

type Settings = Readonly<Record<string, unknown>>;

await withService('ceph-rgw', async (access) => {
  const servers: (Server | TcpServer)[] = [];
  let dataDir = '';
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'osproxy-bad-s3-'));
  });
  afterAll(async () => {
    for (const server of servers) server.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  const { endpoint, accessKeyId, secretAccessKey } = access;
  const bucket = await newBucket(access);
  const good = { type: 's3', vendor: 'ceph', endpoint, bucket, accessKeyId, secretAccessKey };
  const byName = endpoint.replace('127.0.0.1', 'store.example.com');

  const bucketThatDenies = async (...actions: readonly string[]): Promise<string> => {
    const name = await newBucket(access);
    const Resource = [`arn:aws:s3:::${name}`, `arn:aws:s3:::${name}/*`];
    const Statement = [{ Effect: 'Deny', Principal: { AWS: ['*'] }, Action: actions, Resource }];
    const client = plainClient(access);
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    await client.send(new PutBucketPolicyCommand({ Bucket: name, Policy }));
    client.destroy();
    return name;
  };
  const urlOf = async (server: Server | TcpServer): Promise<string> => {
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  /** A web server that takes everything and answers with a page. */
  const website = (status: number, page: string): Promise<string> => {
    const listener: RequestListener = (request, response) => {
      request.resume().on('end', () => {
        response.writeHead(status, { 'content-type': 'text/html', connection: 'close' }).end(page);
      });
    };
    return urlOf(createHttpServer(listener));
  };
  const environment = (stores: Readonly<Record<string, Settings>>) => ({
    OSPROXY_DATA_DIR: dataDir,
    OSPROXY_API_KEY: API_KEY,
    OSPROXY_STORES: JSON.stringify(Object.entries(stores).map(([name, rest]) => ({ name, ...rest }))),
    OSPROXY_DEFAULT_STORE: Object.keys(stores)[0] ?? '',
  });
  const inOtherWorld = (more: Readonly<Record<string, string>>) => ({
    NODE_OPTIONS: `--import ${HOOK}`,
    ...more,
  });
  /** What doctor says of each store: its rows that failed, and all that were tried. */
  const doctor = async (
    stores: Readonly<Record<string, Settings>>,
    env: Readonly<Record<string, string>> = {},
  ) => {
    const { out, errors } = await osproxy(['doctor', '--json'], { ...environment(stores), ...env }, dataDir);
    expect(out + errors).not.toContain(secretAccessKey);
    expect(out + errors).not.toContain('WRONGSECRET');
    if (errors !== '') throw new Error(errors);
    const rows = JSON.parse(out) as Diagnosis[];
    return (name: string) => {
      const own = rows.filter(({ check }) => check.startsWith(`store "${name}" `));
      const failed = own
        .filter(({ ok }) => !ok)
        .map(({ check, detail, fix }) => [check.split(' ').at(-1), detail, fix]);
      return { steps: own.map(({ check }) => check.split(' ').at(-1)), failed };
    };
  };
  const allSteps = ['put', 'stat', 'clock', 'range', 'compose', 'list', 'leftovers', 'delete'];

  describe('osproxy doctor on S3', () => {
    test('tries everything, finds a good store good, and leaves nothing in it', async () => {
      await osproxy(['migrate'], environment({ main: good }), dataDir);
      const { code, out } = await osproxy(['doctor'], environment({ main: good }), dataDir);
      expect([code, out.match(/^store "main" \w+ +ok /gm)?.length]).toEqual([0, allSteps.length]);
      const list = await osproxy(
        ['doctor', '--json'],
        environment({ main: { ...good, prefix: 'other' } }),
        dataDir,
      );
      expect(list.code).toBe(0);
      const { ListObjectsV2Command } = await import('@aws-sdk/client-s3');
      const client = plainClient(access);
      expect((await client.send(new ListObjectsV2Command({ Bucket: bucket }))).KeyCount).toBe(0);
      client.destroy();
    });

    test('says what is wrong with a key, a bucket, an address or a vendor, and what to do', async () => {
      const silent = createServer((socket) => void socket.on('error', () => {}).resume());
      const of = await doctor({
        main: good,
        id: { ...good, accessKeyId: 'NOBODY' },
        secret: { ...good, secretAccessKey: 'WRONGSECRET' },
        bucket: { ...good, bucket: 'osproxy-absent' },
        refused: { ...good, endpoint: `http://127.0.0.1:${await freePort()}` },
        silent: { ...good, endpoint: await urlOf(silent), firstByteTimeoutSeconds: 1 },
        page: { ...good, endpoint: await website(200, '<html><body>Welcome</body></html>') },
        nothing: { ...good, endpoint: await website(404, '<html><body><hr>404</body></html>') },
        gateway: { ...good, endpoint: await website(502, '<html><body><hr>502</body></html>') },
        tls: { ...good, endpoint: endpoint.replace('http:', 'https:') },
        aws: { ...good, vendor: 'aws', region: 'eu-central-1', endpoint: byName },
        cos: {
          type: 's3',
          vendor: 'cos',
          region: 'x',
          endpoint: byName,
          bucket,
          appId: '125',
          secretId: accessKeyId,
          secretKey: secretAccessKey,
        },
        oss: {
          type: 's3',
          vendor: 'oss',
          region: 'x',
          endpoint: byName,
          bucket,
          accessKeyId,
          accessKeySecret: secretAccessKey,
        },
        r2: { ...good, vendor: 'r2' },
      });
      expect(of('main')).toEqual({ steps: allSteps, failed: [] });
      // What it differs in is nothing that Ceph refuses.
      expect(of('r2').failed).toEqual([]);
      const noStore =
        'What answers is no store that speaks S3, or one that wants the bucket elsewhere in the address';
      const noHost =
        /^No address is known for the host of the store, which begins with the bucket \(getaddrinfo /;
      const expected: Readonly<Record<string, readonly [RegExp | string, string]>> = {
        id: ['The store does not know the key id it is used with (InvalidAccessKeyId)', 'Check the key.'],
        secret: ['The store refuses the signature (SignatureDoesNotMatch)', 'Check the secret of its key.'],
        bucket: [
          /^The bucket that the store is configured with does not exist/,
          'Create it or correct "bucket", or "vendor" and "forcePathStyle", which say where it stands in the address.',
        ],
        refused: [
          /^The store cannot be reached \(connect ECONNREFUSED /,
          'Check its endpoint and the network.',
        ],
        silent: [
          'The store did not answer in time',
          'Try again, and check its endpoint and the network if that goes on.',
        ],
        page: [noStore, 'Correct "endpoint", "vendor" or "forcePathStyle".'],
        nothing: [new RegExp(`^${noStore}`), 'Correct "endpoint", "vendor" or "forcePathStyle".'],
        gateway: [/^The store is busy or failing at the moment/, 'Try again.'],
        tls: [/^The store does not speak TLS there/, 'Correct "endpoint", with http:// or another port.'],
        aws: [
          noHost,
          'Correct "endpoint" or "bucket", or put the bucket into the path with "vendor" or "forcePathStyle".',
        ],
        cos: [
          noHost,
          'Correct "endpoint" or "bucket", or put the bucket into the path with "vendor" or "forcePathStyle".',
        ],
        oss: [
          noHost,
          'Correct "endpoint" or "bucket", or put the bucket into the path with "vendor" or "forcePathStyle".',
        ],
      };
      for (const [name, [detail, fix]] of Object.entries(expected)) {
        const wanted = typeof detail === 'string' ? detail : expect.stringMatching(detail);
        expect([name, of(name)]).toEqual([name, { steps: ['put'], failed: [['put', wanted, fix]] }]);
      }
    }, 90_000);

    test('says which right a key lacks', async () => {
      const of = await doctor({
        write: { ...good, bucket: await bucketThatDenies('s3:PutObject') },
        delete: { ...good, bucket: await bucketThatDenies('s3:DeleteObject') },
        read: { ...good, bucket: await bucketThatDenies('s3:GetObject') },
        list: { ...good, bucket: await bucketThatDenies('s3:ListBucket') },
        leftovers: { ...good, bucket: await bucketThatDenies('s3:ListBucketMultipartUploads') },
      });
      const advice = (name: string) => of(name).failed.map(([step, , fix]) => [step, fix]);
      expect(of('write').steps).toEqual(['put', 'list']);
      expect(advice('write')).toEqual([
        ['put', 'Give its key the right to write objects; it can list them.'],
      ]);
      expect(advice('delete')).toEqual([
        ['delete', expect.stringMatching(/^Give its key the right to delete objects\./)],
      ]);
      expect(advice('read')).toEqual([
        ['stat', 'Give its key the right to read objects.'],
        ['range', 'Give its key the right to read objects.'],
        ['compose', 'Give its key the right to read, write and copy objects in parts.'],
      ]);
      expect(advice('list')).toEqual([
        ['list', expect.stringMatching(/^Give its key the right to list the bucket/)],
      ]);
      expect(advice('leftovers')).toEqual([
        ['leftovers', 'Give its key the right to list multipart uploads and to abort them.'],
      ]);
    });

    test.each([HOUR_MS, -HOUR_MS])('names a clock that is off by %d ms', async (off) => {
      const of = await doctor({ main: good }, inOtherWorld({ OSPROXY_TEST_CLOCK_OFF_MS: String(off) }));
      expect(of('main').failed).toEqual([
        [
          'put',
          "This machine's clock differs from the store's by more than the store accepts (RequestTimeTooSkewed)",
          'Set the clock (NTP).',
        ],
      ]);
    });

    test('names a clock that is off by less than the store refuses', async () => {
      const of = await doctor({ main: good }, inOtherWorld({ OSPROXY_TEST_CLOCK_OFF_MS: '300000' }));
      expect(of('main')).toEqual({
        steps: allSteps,
        failed: [
          [
            'clock',
            expect.stringMatching(/^is (299|300|301) s behind the clock of this machine$/),
            expect.stringMatching(/^Synchronize both/),
          ],
        ],
      });
    });

    test('a bucket in the host name, where the store looks for it in the path', async () => {
      const wrong = { ...good, forcePathStyle: false, endpoint: byName };
      const of = await doctor({ main: wrong }, inOtherWorld({ OSPROXY_TEST_LOOPBACK: 'true' }));
      const [, , fix] = of('main').failed[0] ?? [];
      expect([of('main').steps, fix]).toEqual([['put'], expect.stringContaining('forcePathStyle')]);
    });

    test('settings that contradict each other stop every command with one sentence that names the store', async () => {
      const wrong = { ...good, vendor: 'aws', region: 'eu-central-1' };
      for (const words of [['doctor'], ['serve']]) {
        const { code, out, errors } = await osproxy(words, environment({ far: wrong }), dataDir);
        expect([code, out]).toEqual([1, '']);
        expect(errors).toBe(
          'The store "far" of type s3 has a wrong setting: With the bucket in the host name the "endpoint" must be a name, not an address.\n',
        );
      }
    });
  });

  describe('the service on a store that cannot be used', () => {
    test.each<[string, () => Promise<Settings> | Settings, RegExp, number]>([
      [
        'a wrong secret',
        () => ({ ...good, secretAccessKey: 'WRONGSECRET' }),
        /The store refuses the signature; check the secret of its key\./,
        503,
      ],
      [
        'a bucket that is missing',
        () => ({ ...good, bucket: 'osproxy-absent' }),
        /The bucket that the store is configured with does not exist/,
        503,
      ],
      [
        'nobody at the endpoint',
        async () => ({ ...good, endpoint: `http://127.0.0.1:${await freePort()}` }),
        /The store cannot be reached/,
        503,
      ],
      [
        'a web server at the endpoint',
        async () => ({ ...good, endpoint: await website(200, '<html>') }),
        /no store that speaks S3/,
        503,
      ],
      [
        'a key that may not write',
        async () => ({ ...good, bucket: await bucketThatDenies('s3:PutObject') }),
        /The store refuses access; check the key/,
        200,
      ],
    ])('%s: it starts, says so once, and takes nothing', async (_what, settings, sentence, readiness) => {
      const { OSPROXY_STORES = '' } = environment({ main: await settings() });
      const service = await startService({ env: { OSPROXY_STORES } });
      try {
        const said = () => service.lines.filter((line) => line.includes('cannot be used at the moment'));
        await expect.poll(() => said().length, { timeout: 20_000 }).toBe(1);
        expect(JSON.parse(said()[0] ?? '').msg).toMatch(
          /^Store "main" cannot be used at the moment: .* "osproxy doctor" says more\.$/,
        );
        expect(said()[0]).toMatch(sentence);
        const log = service.lines.join('\n');
        for (const secret of [secretAccessKey, 'WRONGSECRET']) expect(log).not.toContain(secret);
        // What can still read is ready.
        expect((await fetch(`${service.url}/readyz`)).status).toBe(readiness);
        const headers = { authorization: `Bearer ${API_KEY}` };
        const answer = await fetch(`${service.url}/api/v1/files/a.txt`, {
          method: 'PUT',
          body: 'text',
          headers,
        });
        const text = await answer.text();
        expect(answer.status).toBe(503);
        for (const hidden of [bucket, 'osproxy-absent', endpoint]) expect(text).not.toContain(hidden);
      } finally {
        await service.close();
      }
    });
  });
});

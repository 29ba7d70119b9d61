// Runs the command line on a service that only exists in this file, so that commands can be tested as real processes.
// OSPROXY_TEST_FAKE is JSON: the interface Fake.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OsproxyError } from '#core/errors.ts';
import type { ServiceKey } from '#core/model/principal.ts';
import type { User } from '#core/model/user.ts';
import type { FsckFinding, OpenService, Service } from './context.ts';
import { run } from './run.ts';

interface Fake {
  readonly keys?: number;
  readonly findings?: readonly FsckFinding[];
  readonly pending?: readonly string[];
  readonly drainMs?: number;
  readonly failWith?: { readonly code: 'Conflict'; readonly message: string };
  readonly unhealthy?: boolean;
}

const fake = JSON.parse(process.env.OSPROXY_TEST_FAKE ?? '{}') as Fake;

function key(number: number): ServiceKey {
  return {
    id: `key-${number}`,
    name: `key number ${number}`,
    owner: 'default',
    scopes: ['read', 'write'],
    secretHash: 'not-to-be-shown',
    createdAt: Date.UTC(2026, 0, 1),
    expiresAt: undefined,
    revokedAt: undefined,
    lastUsedAt: undefined,
    ...{ store: undefined, namePrefix: undefined, former: undefined },
    ...{ lastUsedFrom: undefined, rotatedAt: undefined },
  };
}

function noMoves(): Service['moves'] {
  const none = async (id: string): Promise<never> => {
    throw new OsproxyError('NotFound', `There is no move ${id}.`);
  };
  const create = async (): Promise<never> => {
    throw new OsproxyError('InvalidArgument', 'There are no stores.');
  };
  return { create, list: async () => [], report: none, pause: none, resume: none, cancel: none };
}

function noHeld(): Service['held'] {
  const none = async (uid: string): Promise<never> => {
    throw new OsproxyError('NotFound', `There is no file ${uid}.`);
  };
  return { list: async () => ({ held: [], next: undefined }), release: none, reject: none };
}

function noTasks(): Service['tasks'] {
  const none = async (id: string): Promise<never> => {
    throw new OsproxyError('NotFound', `There is no task ${id}.`);
  };
  const lists = { list: async () => [], types: async () => [] };
  return { ...lists, report: none, retry: none, cancel: none, pause: none, resume: none };
}

function noSinks(): Service['sinks'] {
  const none = async (name: string): Promise<never> => {
    throw new OsproxyError('NotFound', `There is no event sink "${name}" that has begun.`);
  };
  return { list: async () => [], enable: none, disable: none, parked: none, redrive: none, discard: none };
}

function fakeUsers(): Service['users'] {
  const anna: User = {
    ...{ id: '5', name: 'anna', email: undefined, emailVerifiedAt: undefined, displayName: 'Anna' },
    ...{ role: 'member', state: 'active', groupId: undefined, quotaBytes: undefined, authEpoch: 0 },
    ...{ createdAt: Date.UTC(2026, 0, 1), updatedAt: Date.UTC(2026, 0, 1), lastSignInAt: undefined },
  };
  const named = async (name: string): Promise<User> => {
    if (name === 'anna') return anna;
    throw new OsproxyError('NotFound', `There is no user ${name}.`);
  };
  return {
    create: async ({ name, role = 'member', password }) => ({
      ...anna,
      name,
      role,
      displayName: password ?? '',
    }),
    list: async () => ({ users: [anna], next: undefined }),
    newSetUpToken: async () => undefined,
    change: named,
    setPassword: named,
    resetLink: async (name) => ({ url: `/reset-password#${(await named(name)).id}`, expiresAt: 0 }),
    delete: async (name) => void (await named(name)),
  };
}

const openService: OpenService = async (config) => {
  if (fake.failWith !== undefined) throw new OsproxyError(fake.failWith.code, fake.failWith.message);
  const keys = Array.from({ length: fake.keys ?? 0 }, (_, index) => key(index + 1));
  let pending = fake.pending ?? [];
  const service: Service = {
    keys: {
      create: async (wanted) => ({
        key: { ...key(9), ...wanted, expiresAt: wanted.expiresAt },
        secret: 'osk_the-secret',
      }),
      list: async () => keys,
      rotate: async (id) => ({ key: { ...key(9), id }, secret: 'osk_the-new-secret' }),
      revoke: async (id) => {
        if (!keys.some((known) => known.id === id))
          throw new OsproxyError('NotFound', `There is no key "${id}".`);
      },
    },
    users: fakeUsers(),
    cluster: { status: async () => ({ nodes: [], tasks: [], stores: [] }) },
    stores: { list: async () => [] },
    moves: noMoves(),
    held: noHeld(),
    tasks: noTasks(),
    usage: { totals: async () => [] },
    audit: { list: async () => ({ entries: [], next: undefined }), async *walk() {} },
    sinks: noSinks(),
    media: { refused: async () => [], redrive: async () => 0 },
    scrub: {
      report: async () => ({ isOn: true, stores: [], findings: [] }),
      start: async () => ({ isOn: true, stores: [], findings: [] }),
    },
    fsck: async ({ repair, report }) => {
      const findings = (fake.findings ?? []).map((finding) => ({ ...finding, repaired: repair }));
      for (const finding of findings) report(finding);
      return { checked: { files: 3 }, found: findings.length, repaired: repair ? findings.length : 0 };
    },
    doctor: async () => [
      { check: 'database', ok: true, detail: '1 ms', fix: '' },
      {
        check: 'store local',
        ok: fake.unhealthy !== true,
        detail: 'put',
        fix: fake.unhealthy ? 'free some space' : '',
      },
    ],
    schema: async () => ({ pending, applied: [] }),
    plan: async () => pending.map((name) => ({ name, statements: ['create table a (b integer)'] })),
    migrate: async () => {
      pending = [];
      return { pending, applied: [] };
    },
    openapi: () => ({ openapi: '3.1.0', info: { title: 'osproxy', version: '0' } }),
    close: async () => {},
    work: async () => ({ url: undefined, close: async () => {} }),
    listen: async () => {
      const server = createServer((_request, response) => response.end('ok'));
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(config.port, config.host, resolve);
      });
      return {
        url: `http://${config.host}:${(server.address() as AddressInfo).port}`,
        announceStop: () => {},
        drain: async () => {
          await new Promise((resolve) => setTimeout(resolve, fake.drainMs ?? 0));
        },
        close: async () => {
          server.closeAllConnections();
          server.close();
        },
      };
    },
  };
  return service;
};

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  print: (line) => process.stdout.write(`${line}\n`),
  complain: (line) => process.stderr.write(`${line}\n`),
  openService,
});

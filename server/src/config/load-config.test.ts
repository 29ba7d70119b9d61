import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from './config-error.ts';
import { loadConfig } from './load-config.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'osproxy-config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Env = Record<string, string>;

const DATABASE_ADDRESSES =
  'it must be sqlite: and the path of a file, such as sqlite:./data/osproxy.db, postgres://user:password@host:5432/database or mysql://user:password@host:3306/database, with %23, %2F, %3A, %3F and %40 for #, /, :, ? and @ in a password.';

function load(env: Env = {}, yaml?: string) {
  if (yaml !== undefined) writeFileSync(join(folder, 'osproxy.yaml'), yaml);
  return loadConfig({ env, cwd: folder });
}

async function problems(env: Env, yaml?: string): Promise<string[]> {
  const error = await load(env, yaml).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).problems.map((problem) => problem.replaceAll(folder, 'DIR'));
}

describe('the defaults', () => {
  it('are complete, absolute and frozen', async () => {
    const config = await load();
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 8888,
      workers: 1,
      dataDir: join(folder, 'data'),
      database: { url: `sqlite:${join(folder, 'data', 'osproxy.db')}` },
      stores: [{ name: 'local', type: 'local-disk', path: join(folder, 'data', 'files') }],
      defaultStore: 'local',
      log: { level: 'info' },
      uploads: { partSizeMiB: 8, maxFileSizeMiB: 5 * 1024 * 1024, md5: 'always' },
      v0: { anonymous: false },
      hashing: { threads: Math.min(availableParallelism(), 4) },
    });
    expect(config.log.file).toBeUndefined();
    expect(config.apiKey).toBeUndefined();
    expect(Object.isFrozen(config.http.corsOrigins) && Object.isFrozen(config.stores[0])).toBe(true);
  });

  it('of one call are not shared with the next', async () => {
    expect((await load()).http.corsOrigins).not.toBe((await load()).http.corsOrigins);
  });
});

describe('the sources', () => {
  it('are file, then environment, which wins', async () => {
    const config = await load({ OSPROXY_PORT: '9001' }, 'port: 9000\nhttp:\n  drainSeconds: 5\n');
    expect(config.port).toBe(9001);
    expect(config.http.drainSeconds).toBe(5);
  });

  it('include the file that OSPROXY_CONFIG names instead of ./osproxy.yaml', async () => {
    writeFileSync(join(folder, 'other.yaml'), 'port: 7000\n');
    expect((await load({ OSPROXY_CONFIG: 'other.yaml' }, 'port: 1\n')).port).toBe(7000);
  });

  it.each([
    ['', 8888],
    ['# nothing\n', 8888],
    ['http:\n', 8888],
  ])('take %j as a file that sets nothing', async (yaml, port) => {
    expect((await load({}, yaml)).port).toBe(port);
  });

  it('know numbers, switches, lists and JSON in the environment', async () => {
    const config = await load({
      OSPROXY_HTTP_IDLE_TIMEOUT_SECONDS: '7',
      OSPROXY_UPLOADS_PART_SIZE_MIB: '16',
      OSPROXY_V0_ANONYMOUS: '1',
      OSPROXY_HTTP_DOCS: 'FALSE',
      OSPROXY_HTTP_TRUSTED_PROXIES: '10.0.0.0/8, ::1',
      OSPROXY_LOG_FILE_ROTATE_HOURS: '6',
      OSPROXY_LOG_FILE_PATH: 'logs/o.log',
      OSPROXY_STORES: '[{"name":"a","type":"memory"},{"name":"b","type":"local-disk","path":"files"}]',
      OSPROXY_DEFAULT_STORE: 'b',
      OSPROXY_DATABASE_URL: 'sqlite:db/x.db',
      OSPROXY_LINKS_KEYS: JSON.stringify([{ id: 'k1', secret: 's'.repeat(32) }]),
      OSPROXY_TEST_ANYTHING: 'is ignored',
      OSPROXY_NODE_ID: '',
    });
    expect(config.http).toMatchObject({
      idleTimeoutSeconds: 7,
      docs: false,
      trustedProxies: ['10.0.0.0/8', '::1'],
    });
    expect(config.uploads.partSizeMiB).toBe(16);
    expect(config.v0.anonymous).toBe(true);
    expect(config.log.file).toEqual({
      path: join(folder, 'logs/o.log'),
      maxSizeMiB: 100,
      rotateHours: 6,
      keep: 14,
      compress: true,
    });
    expect(config.stores[1]).toEqual({ name: 'b', type: 'local-disk', path: join(folder, 'files') });
    expect(config.defaultStore).toBe('b');
    expect(config.database.url).toBe(`sqlite:${join(folder, 'db/x.db')}`);
    const server = 'postgresql://user:p%40ss@[::1]:5433/files?sslmode=require';
    expect((await load({ OSPROXY_DATABASE_URL: server })).database.url).toBe(server);
    expect(config.links.keys?.[0]?.id).toBe('k1');
    expect(config.nodeId).toBeUndefined();
  });

  it('may empty a list of the file from the environment', async () => {
    const config = await load({ OSPROXY_HTTP_CORS_ORIGINS: '' }, 'http: { corsOrigins: ["*"] }');
    expect(config.http.corsOrigins).toEqual([]);
  });
});

const LONG = 's'.repeat(32);
const PORT_RULE = 'it must be a whole number from 0 to 65535.';
const inEnv = (name: string) => `the environment variable ${name}`;

const BAD_ENVIRONMENT: readonly (readonly [Env, string])[] = [
  [{ OSPROXY_PORT: 'http' }, `port (from ${inEnv('OSPROXY_PORT')}) is "http"; ${PORT_RULE}`],
  [{ OSPROXY_PORT: '65536' }, `port (from ${inEnv('OSPROXY_PORT')}) is 65536; ${PORT_RULE}`],
  [{ OSPROXY_PORT: '-1' }, `port (from ${inEnv('OSPROXY_PORT')}) is -1; ${PORT_RULE}`],
  [{ OSPROXY_PORT: '80.5' }, `port (from ${inEnv('OSPROXY_PORT')}) is "80.5"; ${PORT_RULE}`],
  [{ OSPROXY_PROT: '1' }, 'OSPROXY_PROT is not a variable that osproxy knows; did you mean OSPROXY_PORT?'],
  [
    { OSPROXY_HTTP_IDLE_TIMEOUT: '1' },
    'OSPROXY_HTTP_IDLE_TIMEOUT is not a variable that osproxy knows; did you mean OSPROXY_HTTP_IDLE_TIMEOUT_SECONDS?',
  ],
  [
    { OSPROXY_CONFG: 'x' },
    'OSPROXY_CONFG is not a variable that osproxy knows; did you mean OSPROXY_CONFIG?',
  ],
  [
    { OSPROXY_COMPLETELY_DIFFERENT_THING: '1' },
    'OSPROXY_COMPLETELY_DIFFERENT_THING is not a variable that osproxy knows; see docs/configuration.md for the names.',
  ],
  [
    { OSPROXY_API_KEY: 'short' },
    `apiKey (from ${inEnv('OSPROXY_API_KEY')}) is (hidden); it must be 8 to 512 printable ASCII characters without spaces.`,
  ],
  [
    { OSPROXY_API_KEY: 'with a space' },
    `apiKey (from ${inEnv('OSPROXY_API_KEY')}) is (hidden); it must be 8 to 512 printable ASCII characters without spaces.`,
  ],
  [
    { OSPROXY_V0_ANONYMOUS: 'yes' },
    `v0.anonymous (from ${inEnv('OSPROXY_V0_ANONYMOUS')}) is "yes"; it must be true, false, 1 or 0.`,
  ],
  [
    { OSPROXY_LOG_LEVEL: 'loud' },
    `log.level (from ${inEnv('OSPROXY_LOG_LEVEL')}) is "loud"; it must be one of debug, info, warn, error, silent.`,
  ],
  [
    { OSPROXY_LOG_FILE_ROTATE_HOURS: '5', OSPROXY_LOG_FILE_PATH: 'x' },
    `log.file.rotateHours (from ${inEnv('OSPROXY_LOG_FILE_ROTATE_HOURS')}) is 5; it must be one of 1, 2, 3, 4, 6, 8, 12, 24.`,
  ],
  [
    { OSPROXY_LOG_FILE_KEEP: '3' },
    `log.file.keep (from ${inEnv('OSPROXY_LOG_FILE_KEEP')}) is set without log.file.path; set the path of the log file, or remove it.`,
  ],
  [
    { OSPROXY_NODE_ID: 'a b' },
    `nodeId (from ${inEnv('OSPROXY_NODE_ID')}) is "a b"; it must be 1 to 63 letters, digits, dots, dashes or underscores, starting with a letter or digit.`,
  ],
  [
    { OSPROXY_DATABASE_URL: 'oracle://u:p@h/db' },
    `database.url (from ${inEnv('OSPROXY_DATABASE_URL')}) has the scheme "oracle"; ${DATABASE_ADDRESSES}`,
  ],
  ...['postgres://u:p#w@h/db', 'postgres://h/db', 'postgres://u:p@h', 'postgres://u@h/db?ssl=1'].map(
    (url): [Env, string] => [
      { OSPROXY_DATABASE_URL: url },
      `database.url (from ${inEnv('OSPROXY_DATABASE_URL')}) is not a database address; ${DATABASE_ADDRESSES}`,
    ],
  ),
  [
    { OSPROXY_DATABASE_URL: './osproxy.db' },
    `database.url (from ${inEnv('OSPROXY_DATABASE_URL')}) is not a database address; ${DATABASE_ADDRESSES}`,
  ],
  [
    { OSPROXY_DATABASE_URL: 'sqlite:' },
    `database.url (from ${inEnv('OSPROXY_DATABASE_URL')}) is not a database address; ${DATABASE_ADDRESSES}`,
  ],
  [
    { OSPROXY_PUBLIC_URL: 'files.example.com' },
    `publicUrl (from ${inEnv('OSPROXY_PUBLIC_URL')}) is not usable as a base; it must be an http:// or https:// address without user, query and fragment.`,
  ],
  [
    { OSPROXY_PUBLIC_URL: 'https://u:p@x/' },
    `publicUrl (from ${inEnv('OSPROXY_PUBLIC_URL')}) is not usable as a base; it must be an http:// or https:// address without user, query and fragment.`,
  ],
  [
    { OSPROXY_STORES: 'local' },
    `stores (from ${inEnv('OSPROXY_STORES')}) is "local"; it must be a list of objects with 1 to 64 entries, written as JSON.`,
  ],
  [
    { OSPROXY_STORES: '{}' },
    `stores (from ${inEnv('OSPROXY_STORES')}) is {}; it must be a list of objects with 1 to 64 entries.`,
  ],
  [
    { OSPROXY_STORES: '[]' },
    `stores (from ${inEnv('OSPROXY_STORES')}) is []; it must be a list of objects with 1 to 64 entries.`,
  ],
  [
    { OSPROXY_STORES: '[{"type":"memory"}]' },
    `stores[0].name is missing (from ${inEnv('OSPROXY_STORES')}); it must be 1 to 63 letters, digits, dots, dashes or underscores, starting with a letter or digit.`,
  ],
  [
    { OSPROXY_STORES: '[{"name":"a","type":"memory"},{"name":"a","type":"memory"}]' },
    `stores[1].name (from ${inEnv('OSPROXY_STORES')}) is "a", which another store has; every store needs its own name.`,
  ],
  [
    {
      OSPROXY_STORES:
        '[{"name":"a","type":"local-disk","path":"x"},{"name":"b","type":"local-disk","path":"x"}]',
    },
    `stores[1].path (from ${inEnv('OSPROXY_STORES')}) is "x", which another store has; every store needs its own folder.`,
  ],
  [
    { OSPROXY_STORES: '[{"name":"a","type":"memory","maxFileSizeMiB":0}]' },
    `stores[0].maxFileSizeMiB (from ${inEnv('OSPROXY_STORES')}) is 0; it must be a whole number from 1 to 1073741824 MiB.`,
  ],
  [
    { OSPROXY_STORES: '[{"name":"a","type":"memory","allowedTypes":["image"]}]' },
    `stores[0].allowedTypes[0] (from ${inEnv('OSPROXY_STORES')}) is "image"; it must be a media type in small letters such as application/pdf or image/*.`,
  ],
  [
    { OSPROXY_PLACEMENT_RULES: '[{"match":{},"store":"x"}]' },
    `placement.rules[0].store (from ${inEnv('OSPROXY_PLACEMENT_RULES')}) is "x", which no store is called; it must be one of local.`,
  ],
  [
    { OSPROXY_PLACEMENT_RULES: '[{"match":{},"store":"local","thenTransferTo":"x"}]' },
    `placement.rules[0].thenTransferTo (from ${inEnv('OSPROXY_PLACEMENT_RULES')}) is "x", which no store is called; it must be one of local.`,
  ],
  [
    { OSPROXY_PLACEMENT_RULES: '[{"match":{},"store":"local","thenTransferTo":"local"}]' },
    `placement.rules[0].thenTransferTo (from ${inEnv('OSPROXY_PLACEMENT_RULES')}) is "local", where the file is already; name another store or leave it out.`,
  ],
  [
    { OSPROXY_PLACEMENT_RULES: '[{"match":{"minSize":5,"maxSize":4},"store":"local"}]' },
    `placement.rules[0].match.minSize (from ${inEnv('OSPROXY_PLACEMENT_RULES')}) is 5; it must not be above match.maxSize, which is 4.`,
  ],
  [
    { OSPROXY_PLACEMENT_RULES: '[{"match":{"category":"movie"},"store":"local"}]' },
    `placement.rules[0].match.category (from ${inEnv('OSPROXY_PLACEMENT_RULES')}) is "movie"; it must be one of image, video, audio, doc, archive, unknown.`,
  ],
  [
    { OSPROXY_PLACEMENT_RULES: '[{"match":{"ext":["mp4"]},"store":"local"}]' },
    `placement.rules[0].match.ext (from ${inEnv('OSPROXY_PLACEMENT_RULES')}) is not a setting that osproxy knows; it may have category, extensions, minSize, maxSize, owner, key, group.`,
  ],
  [
    { OSPROXY_DEFAULT_STORE: 'x' },
    `defaultStore (from ${inEnv('OSPROXY_DEFAULT_STORE')}) is "x", which no store is called; it must be one of local.`,
  ],
  [
    { OSPROXY_HTTP_TRUSTED_PROXIES: '10.0.0.0/33' },
    `http.trustedProxies[0] (from ${inEnv('OSPROXY_HTTP_TRUSTED_PROXIES')}) is "10.0.0.0/33"; it must be an IP address or a network such as 10.0.0.0/8.`,
  ],
  [
    { OSPROXY_HTTP_CORS_ORIGINS: '*,https://a.example/x' },
    `http.corsOrigins[1] (from ${inEnv('OSPROXY_HTTP_CORS_ORIGINS')}) is "https://a.example/x"; it must be * or an origin such as https://app.example.com, without a path.`,
  ],
  [
    { OSPROXY_LINKS_KEYS: `[{"id":"k","secret":"hunter2"}]` },
    `links.keys[0].secret (from ${inEnv('OSPROXY_LINKS_KEYS')}) is (hidden); it must be a text of at least 32 characters.`,
  ],
  [
    { OSPROXY_LINKS_KEYS: 'hunter2' },
    `links.keys (from ${inEnv('OSPROXY_LINKS_KEYS')}) is (hidden); it must be a list of objects with 1 to 16 entries, written as JSON.`,
  ],
  [
    {
      OSPROXY_LINKS_KEYS: JSON.stringify([
        { id: 'k', secret: LONG },
        { id: 'k', secret: LONG },
      ]),
    },
    `links.keys[1].id (from ${inEnv('OSPROXY_LINKS_KEYS')}) is "k", which another key has; every key needs its own id.`,
  ],
  [
    { OSPROXY_LINKS_MAX_EXPIRE_SECONDS: '60' },
    `links.maxExpireSeconds (from ${inEnv('OSPROXY_LINKS_MAX_EXPIRE_SECONDS')}) is 60; it must not be below links.defaultExpireSeconds, which is 86400.`,
  ],
  [
    { OSPROXY_UPLOADS_PART_SIZE_MIB: '5120', OSPROXY_UPLOADS_MAX_PART_SIZE_MIB: '100' },
    `uploads.partSizeMiB (from ${inEnv('OSPROXY_UPLOADS_PART_SIZE_MIB')}) is 5120; it must not be above uploads.maxPartSizeMiB, which is 100.`,
  ],
  [
    { OSPROXY_INSTANT_UPLOAD_SCOPE: 'all' },
    `instantUpload.scope (from ${inEnv('OSPROXY_INSTANT_UPLOAD_SCOPE')}) is "all"; it must be one of owner, installation.`,
  ],
  [
    { OSPROXY_TASKS_LEASE_SECONDS: '1' },
    `tasks.leaseSeconds (from ${inEnv('OSPROXY_TASKS_LEASE_SECONDS')}) is 1; it must be a whole number from 5 to 3600 seconds.`,
  ],
  [
    { OSPROXY_HASHING_THREADS: '0' },
    `hashing.threads (from ${inEnv('OSPROXY_HASHING_THREADS')}) is 0; it must be a whole number from 1 to 64 threads.`,
  ],
];

const FILE = 'DIR/osproxy.yaml';
const BAD_FILES: readonly (readonly [string, string])[] = [
  ['port: "8080"', `port (from ${FILE}) is "8080"; ${PORT_RULE}`],
  ['port:', `port (from ${FILE}) is null; ${PORT_RULE}`],
  ['port: [1]', `port (from ${FILE}) is [1]; ${PORT_RULE}`],
  ['prot: 1', `prot (from ${FILE}) is not a setting that osproxy knows; did you mean port?`],
  [
    'http: { drainSecond: 3 }',
    `http.drainSecond (from ${FILE}) is not a setting that osproxy knows; did you mean http.drainSeconds?`,
  ],
  [
    'frobnicate: true',
    `frobnicate (from ${FILE}) is not a setting that osproxy knows; see docs/configuration.md for the names.`,
  ],
  [
    'constructor: 1',
    `constructor (from ${FILE}) is not a setting that osproxy knows; see docs/configuration.md for the names.`,
  ],
  ['purge: 5', `purge (from ${FILE}) is 5; it must be a section with graceSeconds, intervalSeconds.`],
  ['http: { docs: "yes" }', `http.docs (from ${FILE}) is "yes"; it must be true or false.`],
  [
    'http: { corsOrigins: "*" }',
    `http.corsOrigins (from ${FILE}) is "*"; it must be a list of texts with at most 256 entries.`,
  ],
  [
    'http: { corsOrigins: [5] }',
    `http.corsOrigins[0] (from ${FILE}) is 5; it must be a text that is not empty.`,
  ],
  ['host: ""', `host (from ${FILE}) is ""; it must be a text that is not empty.`],
  [
    'apiKey: 12345678',
    `apiKey (from ${FILE}) is (hidden); it must be 8 to 512 printable ASCII characters without spaces.`,
  ],
  [
    'stores: [memory]',
    `stores[0] (from ${FILE}) is "memory"; it must be an object with name, type, maxFileSizeMiB, allowedTypes.`,
  ],
  [
    '- port: 1',
    `The configuration file ${FILE} holds a list; it must hold settings written as "name: value".`,
  ],
  [
    'just words',
    `The configuration file ${FILE} holds a single value; it must hold settings written as "name: value".`,
  ],
  [
    'port: 1\nport: 2',
    `The configuration file ${FILE} is not valid YAML in line 2, column 1: Map keys must be unique.`,
  ],
];

describe('a wrong setting is told in one sentence', () => {
  it.each(BAD_ENVIRONMENT)('%j', async (env, sentence) => {
    expect(await problems(env)).toEqual([sentence]);
  });

  it.each(BAD_FILES)('%j', async (yaml, sentence) => {
    expect(await problems({}, yaml)).toEqual([sentence]);
  });

  it('also when YAML itself is broken', async () => {
    const [sentence, ...more] = await problems({}, 'http: {\nport: 1');
    expect(sentence).toMatch(
      /^The configuration file DIR\/osproxy\.yaml is not valid YAML in line 2, column \d+: .+\.$/,
    );
    expect(more).toEqual([]);
  });

  it('also when the file is missing, a folder, or not text', async () => {
    const from = 'The configuration file DIR/x.yaml (from OSPROXY_CONFIG) cannot be read:';
    expect(await problems({ OSPROXY_CONFIG: 'x.yaml' })).toEqual([`${from} it does not exist.`]);
    mkdirSync(join(folder, 'x.yaml'));
    expect(await problems({ OSPROXY_CONFIG: 'x.yaml' })).toEqual([`${from} it is a folder.`]);
    rmSync(join(folder, 'x.yaml'), { recursive: true });
    writeFileSync(join(folder, 'x.yaml'), Buffer.from([0xff, 0xfe, 0xfd]));
    expect(await problems({ OSPROXY_CONFIG: 'x.yaml' })).toEqual([`${from} it is not UTF-8 text.`]);
  });

  it('and every problem is listed', async () => {
    expect(
      await problems({ OSPROXY_PORT: 'x', OSPROXY_LOG_LEVEL: 'y' }, 'prot: 1\nhttp: { docs: 3 }'),
    ).toHaveLength(4);
  });
});

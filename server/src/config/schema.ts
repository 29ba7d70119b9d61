import { type Static, type TProperties, type TSchemaOptions, Type } from 'typebox';
import { CATEGORIES } from '#core/categories.ts';

const KIB_PER_MIB = 1024;
const MIB_PER_TIB = 1024 * 1024;

/** A section whose settings all have defaults; a key that is not listed is an error. */
function section<P extends TProperties>(properties: P, description: string) {
  return Type.Object(properties, { additionalProperties: false, description });
}

function whole(minimum: number, maximum: number, fallback: number, unit: string, description: string) {
  return Type.Integer({ minimum, maximum, default: fallback, unit, description });
}

function size(description: string) {
  return Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, unit: 'bytes', description });
}

function flag(fallback: boolean, description: string) {
  return Type.Boolean({ default: fallback, description });
}

function text(
  description: string,
  options: TSchemaOptions & { pattern?: string; allowed?: string; minLength?: number } = {},
) {
  return Type.String({ minLength: 1, description, ...options });
}

/** `name`, `id` and the like: they appear in logs, metrics and the database. */
const NAME = {
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$',
  allowed: '1 to 63 letters, digits, dots, dashes or underscores, starting with a letter or digit',
};

/** One of the two words of a media type. */
const MEDIA_NAME = '[a-z0-9][a-z0-9!#$&^_.+-]*';

/** Travels in every link, so it is short and needs no escaping. */
const LINK_KEY_ID = { pattern: '^[a-z0-9]{1,16}$', allowed: '1 to 16 small letters or digits' };

const storeSchema = Type.Object(
  {
    name: text(
      'Name of the store in placements, logs and metrics; never change it once files are there.',
      NAME,
    ),
    type: text(
      '`local-disk` keeps files in a folder, `s3` in a bucket, `memory` forgets them when the process ends; or the path of a module of your own, such as `./my-store.ts`, relative to the configuration file.',
    ),
    maxFileSizeMiB: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1024 * MIB_PER_TIB,
        unit: 'MiB',
        description: 'Largest file that it takes; a larger one is refused.',
      }),
    ),
    allowedTypes: Type.Optional(
      Type.Array(
        Type.String({
          pattern: `^(\\*|${MEDIA_NAME})/(\\*|${MEDIA_NAME})$`,
          allowed: 'a media type in small letters such as application/pdf or image/*',
        }),
        {
          minItems: 1,
          maxItems: 256,
          description:
            'Media types that it takes, `*` standing for any; a file whose bytes are of another type is refused.',
        },
      ),
    ),
  },
  { description: 'The settings of its type stand beside these.' },
);

const matchSchema = Type.Object(
  {
    category: Type.Optional(
      Type.Enum([...CATEGORIES], { description: 'What kind of file the extension says it is.' }),
    ),
    extensions: Type.Optional(
      Type.Array(
        Type.String({
          pattern: '^[^.A-Z/\\s][^A-Z/\\s]*$',
          allowed: 'an extension in small letters without its dot',
        }),
        { minItems: 1, maxItems: 256, description: 'Extensions of the name, such as `mp4`.' },
      ),
    ),
    minSize: Type.Optional(size('Smallest size; a size that is not declared does not match.')),
    maxSize: Type.Optional(size('Largest size; a size that is not declared does not match.')),
    owner: Type.Optional(text('Owner of the service key.')),
    key: Type.Optional(text('Id of the service key.')),
  },
  { additionalProperties: false, description: 'Conditions that must all hold; `{}` matches every file.' },
);

const ruleSchema = Type.Object(
  {
    match: matchSchema,
    store: text('Store that takes the file.', NAME),
    thenTransferTo: Type.Optional(
      text('Store that the finished file is transferred to in the background.', NAME),
    ),
  },
  { additionalProperties: false },
);

const linkKeySchema = Type.Object(
  {
    id: text('Appears in links, so that a link can be checked after keys have changed.', LINK_KEY_ID),
    secret: text('At least 32 characters, random.', { minLength: 32, secret: true }),
  },
  { additionalProperties: false },
);

/** Every setting, its default, its unit and its range: the one source for validation, environment names and docs/configuration.md. */
export const settingsSchema = section(
  {
    host: text('Address to listen on. `0.0.0.0` or `::` opens the service to other machines.', {
      default: '127.0.0.1',
    }),
    port: whole(0, 65_535, 8888, 'port', 'TCP port to listen on; 0 lets the system choose one.'),
    dataDir: text('Folder of everything the service keeps on this machine; made when it is missing.', {
      default: './data',
    }),
    nodeId: Type.Optional(
      text('Name of this node. Two processes must never share one.', {
        ...NAME,
        defaultText: 'made once and kept in `<dataDir>/node-id`',
      }),
    ),
    publicUrl: Type.Optional(
      text(
        'Base of the links in answers, for a service behind a proxy, such as `https://files.example.com`.',
        { defaultText: 'the address the request came to' },
      ),
    ),
    apiKey: Type.Optional(
      text('A service key with every scope, accepted from the first start on.', {
        minLength: 8,
        pattern: '^[\\x21-\\x7e]{8,512}$',
        allowed: '8 to 512 printable ASCII characters without spaces',
        secret: true,
        defaultText: 'none; the first start prints a new key',
      }),
    ),
    database: section(
      {
        url: Type.Optional(
          text('`sqlite:` and the path of the database file.', {
            defaultText: '`sqlite:<dataDir>/osproxy.db`',
          }),
        ),
      },
      'Where files, uploads, keys and tasks are recorded.',
    ),
    stores: Type.Optional(
      Type.Array(storeSchema, {
        minItems: 1,
        maxItems: 64,
        description: 'The places that keep bytes.',
        defaultText: 'one store `local` of type `local-disk` in `<dataDir>/files`',
      }),
    ),
    defaultStore: Type.Optional(
      text('Name of the store that new files go to when no rule says otherwise.', {
        ...NAME,
        defaultText: 'the first of `stores`',
      }),
    ),
    placement: section(
      {
        rules: Type.Array(ruleSchema, {
          default: [],
          maxItems: 256,
          description: 'Where new files go; the first rule that matches decides.',
        }),
        transferMiBPerSecond: whole(
          0,
          1_048_576,
          0,
          'MiB',
          'Most that this process transfers per second for rules with `thenTransferTo`; 0 sets no limit.',
        ),
      },
      'Which store keeps which files.',
    ),
    http: section(
      {
        jsonBodyLimitKiB: whole(
          1,
          65_536,
          1024,
          'KiB',
          'Largest JSON request body; file content is not limited by it.',
        ),
        headerLimitKiB: whole(4, 1024, 16, 'KiB', 'Largest sum of all headers of a request.'),
        idleTimeoutSeconds: whole(
          1,
          3600,
          60,
          'seconds',
          'A transfer in which no byte moves for this long is ended.',
        ),
        keepAliveSeconds: whole(
          1,
          3600,
          10,
          'seconds',
          'A connection without a request is kept open for this long.',
        ),
        headersTimeoutSeconds: whole(
          1,
          600,
          30,
          'seconds',
          'The headers of a request must have arrived within this time.',
        ),
        drainSeconds: whole(0, 3600, 30, 'seconds', 'How long running transfers may go on after SIGTERM.'),
        trustedProxies: Type.Array(Type.String({ minLength: 1 }), {
          default: [],
          maxItems: 256,
          description: 'Addresses or networks (CIDR) of proxies whose `X-Forwarded-*` headers are believed.',
        }),
        corsOrigins: Type.Array(Type.String({ minLength: 1 }), {
          default: [],
          maxItems: 256,
          description:
            'Origins whose pages may call the service from a browser, such as `https://app.example.com`; `*` allows every origin.',
        }),
        docs: flag(true, 'Serve the API description at `/openapi.json` and the interactive page at `/docs`.'),
        publicMetrics: flag(
          true,
          'Let everybody read `/metrics`; otherwise it needs a key with the admin scope.',
        ),
      },
      'Limits and switches of the HTTP server.',
    ),
    log: section(
      {
        level: Type.Enum(['debug', 'info', 'warn', 'error', 'silent'], {
          default: 'info',
          description: 'Least severe level that is logged.',
        }),
        file: Type.Optional(
          section(
            {
              path: Type.Optional(
                text('File that gets every log line in addition to stdout.', {
                  defaultText: 'none; without it nothing is written to a file',
                }),
              ),
              maxSizeMiB: whole(1, 102_400, 100, 'MiB', 'The file is rotated when it reaches this size.'),
              rotateHours: Type.Enum([1, 2, 3, 4, 6, 8, 12, 24], {
                default: 24,
                unit: 'hours',
                description: 'The file is rotated at this interval, counted from midnight.',
              }),
              keep: whole(1, 1000, 14, 'files', 'Rotated files that are kept.'),
              compress: flag(true, 'Compress rotated files with gzip.'),
            },
            'The log file; it exists when `log.file.path` is set.',
          ),
        ),
      },
      'JSON lines on stdout, and in a file where one is set.',
    ),
    uploads: section(
      {
        partSizeMiB: whole(1, 5120, 8, 'MiB', 'Part size that is suggested to clients.'),
        maxFileSizeMiB: whole(1, 1024 * MIB_PER_TIB, 5 * MIB_PER_TIB, 'MiB', 'Largest file.'),
        maxPartSizeMiB: whole(1, 1024 * KIB_PER_MIB, 5120, 'MiB', 'Largest single part.'),
        expireHours: whole(
          1,
          8760,
          24,
          'hours',
          'An upload that gets no part for this long is given up and its parts are removed.',
        ),
        md5: Type.Enum(['always', 'declared'], {
          default: 'always',
          description:
            '`always` computes the MD5 of every upload; `declared` only where the client sends one or the protocol needs it.',
        }),
      },
      'Sizes and times of uploads.',
    ),
    links: section(
      {
        keys: Type.Optional(
          Type.Array(linkKeySchema, {
            minItems: 1,
            maxItems: 16,
            secret: true,
            description: 'Keys that sign links. The first signs, the others still verify.',
            defaultText: 'made once and kept in `<dataDir>`',
          }),
        ),
        maxExpireSeconds: whole(1, 31_536_000, 604_800, 'seconds', 'Longest life a link may be given.'),
        defaultExpireSeconds: whole(
          1,
          31_536_000,
          86_400,
          'seconds',
          'Life of a link when the caller names none.',
        ),
      },
      'Signed links.',
    ),
    v0: section({ anonymous: flag(false, 'Let everybody use the v0 wire without a key.') }, 'The v0 wire.'),
    instantUpload: section(
      {
        scope: Type.Enum(['owner', 'installation'], {
          default: 'owner',
          description:
            'Whose content an instant upload may find: that of the same owner, or of everybody here.',
        }),
      },
      'New files on content that is here already.',
    ),
    purge: section(
      {
        graceSeconds: whole(
          1,
          2_592_000,
          3600,
          'seconds',
          'Content that no file names is kept for this long; longer than any single request takes.',
        ),
        intervalSeconds: whole(
          1,
          86_400,
          600,
          'seconds',
          'Time between two purges, and between two looks for expired uploads.',
        ),
      },
      'Removal of content that nothing names any more.',
    ),
    tasks: section(
      {
        concurrency: whole(1, 64, 2, 'tasks', 'Background tasks that run at once in this process.'),
        leaseSeconds: whole(
          5,
          3600,
          30,
          'seconds',
          'A task whose process is silent for this long is taken over.',
        ),
        maxAttempts: whole(1, 100, 8, 'attempts', 'Attempts after which a task is failed for good.'),
      },
      'Durable background work.',
    ),
    hashing: section(
      {
        threads: Type.Optional(
          Type.Integer({
            minimum: 1,
            maximum: 64,
            unit: 'threads',
            description: 'Worker threads that compute checksums.',
            defaultText: 'the number of processor cores, at most 4',
          }),
        ),
      },
      'Checksums are computed beside the event loop.',
    ),
    cache: section(
      {
        records: whole(0, 10_000_000, 10_000, 'records', 'File records kept in memory; 0 keeps none.'),
        ttlSeconds: whole(
          1,
          3600,
          5,
          'seconds',
          'Longest time a cached record is used without asking the database.',
        ),
        smallObjectsMiB: whole(0, 65_536, 32, 'MiB', 'Memory for the content of small files; 0 keeps none.'),
        smallObjectKiB: whole(1, 16_384, 64, 'KiB', 'Largest file whose content is kept in memory.'),
      },
      'What is kept in memory.',
    ),
  },
  'Settings of osproxy.',
);

export type Settings = Static<typeof settingsSchema>;

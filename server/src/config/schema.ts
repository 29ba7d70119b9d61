import { type Static, Type } from 'typebox';
import { accountsSettings } from './schema/accounts.ts';
import { adminSettings } from './schema/admin.ts';
import { auditSettings } from './schema/audit.ts';
import { flag, NAME, section, text, whole } from './schema/builders.ts';
import { clusterSettings } from './schema/cluster.ts';
import { databaseSettings } from './schema/database.ts';
import { driveSettings } from './schema/drive.ts';
import { eventsSettings } from './schema/events.ts';
import { httpSettings } from './schema/http.ts';
import { kafkaSettings } from './schema/kafka.ts';
import { linksSettings } from './schema/links.ts';
import { logSettings } from './schema/log.ts';
import { mailSettings } from './schema/mail.ts';
import { mediaSettings, thumbnailsSettings } from './schema/media.ts';
import { rabbitmqSettings } from './schema/rabbitmq.ts';
import { redisSettings } from './schema/redis.ts';
import { scanSettings } from './schema/scan.ts';
import { scrubSettings } from './schema/scrub.ts';
import { archivesSettings, previewsSettings, sharesSettings } from './schema/shares.ts';
import { signInSettings } from './schema/sign-in.ts';
import { ruleSchema, storeSchema } from './schema/stores.ts';
import { tasksSettings } from './schema/tasks.ts';
import { uploadsSettings } from './schema/uploads.ts';
import { usageSettings } from './schema/usage.ts';
import { processes } from './schema/workers.ts';

/** Every setting, its default, its unit and its range: the one source for validation, environment names and docs/configuration.md. */
export const settingsSchema = section(
  {
    host: text('Address to listen on. `0.0.0.0` or `::` opens the service to other machines.', {
      default: '127.0.0.1',
    }),
    port: whole(0, 65_535, 8888, 'port', 'TCP port to listen on; 0 lets the system choose one.'),
    workers: processes(),
    dataDir: text('Folder of everything the service keeps on this machine; made when it is missing.', {
      default: './data',
    }),
    nodeId: Type.Optional(
      text('Name of this node. Two nodes must never share one.', {
        ...NAME,
        defaultText: 'made once and kept in `<dataDir>/node-id`',
      }),
    ),
    publicUrl: Type.Optional(
      text(
        'Base of the links in answers, for a service behind a proxy, such as `https://files.example.com`.',
        { defaultText: 'what a trusted proxy says the client used; else links are paths' },
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
    database: databaseSettings,
    redis: redisSettings,
    rabbitmq: rabbitmqSettings,
    kafka: kafkaSettings,
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
          'Most that each process transfers per second for rules with `thenTransferTo`; 0 sets no limit.',
        ),
      },
      'Which store keeps which files.',
    ),
    cluster: clusterSettings,
    http: httpSettings,
    log: logSettings,
    uploads: uploadsSettings,
    links: linksSettings,
    accounts: accountsSettings,
    drive: driveSettings,
    admin: adminSettings,
    mail: mailSettings,
    filestore: section(
      { enabled: flag(true, 'Serve the filestore wire below `/file` and `/user`.') },
      'The filestore wire.',
    ),
    v0: section({ anonymous: flag(false, 'Let everybody use the v0 wire without a key.') }, 'The v0 wire.'),
    instantUpload: section(
      {
        scope: Type.Enum(['owner', 'installation'], {
          default: 'owner',
          description:
            'Whose content an instant upload of a service may find: that of the same owner, or of everybody here.',
        }),
        personScope: Type.Enum(['own', 'group', 'all'], {
          default: 'own',
          description:
            'Whose content people may get by showing that they have it: their own, that of their group, or that of everybody here, services included.',
        }),
        trustHash: flag(
          false,
          'Let people get content of everybody here through `/file/fastupload` by its hash alone. Whoever learns the hash of a file then gets the file.',
        ),
        challengesPerMinute: whole(
          1,
          100_000,
          600,
          'challenges',
          'Most that one person may ask for instant uploads in any minute.',
        ),
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
    media: mediaSettings,
    thumbnails: thumbnailsSettings,
    signIn: signInSettings,
    previews: previewsSettings,
    shares: sharesSettings,
    archives: archivesSettings,
    scrub: scrubSettings,
    tasks: tasksSettings,
    scan: scanSettings,
    events: eventsSettings,
    usage: usageSettings,
    audit: auditSettings,
    hashing: section(
      {
        threads: Type.Optional(
          Type.Integer({
            minimum: 1,
            maximum: 64,
            unit: 'threads',
            description: 'Threads of each process that compute checksums.',
            defaultText: 'the processor cores divided by the processes, 1 to 4',
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
          5,
          5,
          'seconds',
          'Longest time a cached record is used without asking the database.',
        ),
        smallObjectsMiB: whole(
          0,
          65_536,
          32,
          'MiB',
          'Memory for the content of small files, for each store, and as much once for those that other nodes have; 0 keeps none.',
        ),
        smallObjectKiB: whole(1, 16_384, 64, 'KiB', 'Largest file whose content is kept in memory.'),
      },
      'What is kept in memory.',
    ),
  },
  'Settings of osproxy.',
);

export type Settings = Static<typeof settingsSchema>;

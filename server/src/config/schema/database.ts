import { Type } from 'typebox';
import { section, text, whole } from './builders.ts';

export const databaseSettings = section(
  {
    url: Type.Optional(
      text(
        '`sqlite:` and the path of the database file, `postgres://user:password@host:port/database`, or the same with `mysql:` or `mariadb:`; `?sslmode=require` encrypts, `?sslmode=verify-full` checks the certificate too.',
        { defaultText: '`sqlite:<dataDir>/osproxy.db`' },
      ),
    ),
    replicas: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      maxItems: 16,
      secret: true,
      description:
        'Copies of a database server that follow it, of the same kind as `url` and written the same way. Reads that may be some moments old go there; see docs/databases.md.',
    }),
    replicaMinAgeSeconds: whole(
      2,
      2_592_000,
      60,
      'seconds',
      'Files younger than this are read from the primary. Choose more than `replicaMaxLagSeconds` and the difference between the clocks of the nodes together.',
    ),
    replicaMaxLagSeconds: whole(
      2,
      3600,
      5,
      'seconds',
      'A replica that may be further behind than this is not read from.',
    ),
    poolSize: whole(
      2,
      1000,
      16,
      'connections',
      'Connections that this process opens to a database server at most, and as many to each replica.',
    ),
    acquireTimeoutSeconds: whole(
      1,
      600,
      10,
      'seconds',
      'Longest wait for a free connection to a database server.',
    ),
    connectTimeoutSeconds: whole(1, 600, 10, 'seconds', 'Longest time to connect to a database server.'),
    statementTimeoutSeconds: whole(
      1,
      3600,
      30,
      'seconds',
      'A database server ends a statement, and a transaction that is idle, after this long; also how long a change is tried again after conflicts.',
    ),
  },
  'Where files, uploads, keys and tasks are recorded. All but the URL is for database servers only.',
);

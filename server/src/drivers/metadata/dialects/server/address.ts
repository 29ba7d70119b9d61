import { OsproxyError } from '#core/errors.ts';

/** How the connection is encrypted: not at all, without looking at the certificate, or only with a certificate that proves the host. */
type Encryption = 'disable' | 'require' | 'verify-full';

const ENCRYPTIONS: readonly string[] = ['disable', 'require', 'verify-full'] satisfies Encryption[];

/** Where a database server is and who asks. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly encryption: Encryption;
  /** Where it was configured, for sentences about it. */
  readonly setting: 'database.url' | 'database.replicas';
}

const SERVER_URL = /^(postgres|postgresql|mysql|mariadb):\/\//i;
const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  postgres: 5432,
  postgresql: 5432,
  mysql: 3306,
  mariadb: 3306,
};

export function isServerUrl(url: string): boolean {
  return SERVER_URL.test(url);
}

/** Throws InvalidArgument with a sentence that never repeats the URL, which may hold a password. */
export function parseAddress(
  text: string,
  setting: ServerAddress['setting'] = 'database.url',
): ServerAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !isServerUrl(text)) throw wrong('cannot be read as an address');
  const scheme = url.protocol.slice(0, -1).toLowerCase();
  const [user, password] = [decoded(url.username), decoded(url.password)];
  const database = decoded(url.pathname.slice(1));
  if (url.hostname === '') throw wrong('names no host');
  if (user === '') throw wrong('names no user');
  if (database === '' || database.includes('/')) throw wrong('names no database');
  if (url.hash !== '') throw wrong('has a "#"; write it as %23');
  for (const name of url.searchParams.keys()) {
    if (name !== 'sslmode') throw wrong(`has the parameter "${name}"; only sslmode is known`);
  }
  const encryption = url.searchParams.get('sslmode') ?? 'disable';
  if (!ENCRYPTIONS.includes(encryption)) throw wrong(`has another sslmode than ${ENCRYPTIONS.join(', ')}`);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (DEFAULT_PORTS[scheme] ?? 0) : Number(url.port),
    user,
    password,
    database,
    encryption: encryption as Encryption,
    setting,
  };
}

/** What node:tls is to check; undefined for a connection in the clear. */
export function tlsOptions({
  encryption,
  host,
}: ServerAddress): { rejectUnauthorized: boolean; servername: string } | undefined {
  if (encryption === 'disable') return undefined;
  return { rejectUnauthorized: encryption === 'verify-full', servername: host };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('has a "%" that is not an escape; write it as %25');
  }
}

function wrong(what: string): OsproxyError {
  return new OsproxyError(
    'InvalidArgument',
    `The database URL ${what}; it must look like postgres://user:password@host:5432/database or mysql://user:password@host:3306/database.`,
  );
}

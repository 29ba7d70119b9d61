import { OsproxyError } from '#core/errors.ts';

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

interface Login {
  readonly username?: string;
  readonly password?: string;
}

/** Where Redis is and how to get in. */
export type RedisAddress = {
  readonly endpoints: readonly [Endpoint, ...Endpoint[]];
  readonly tls: boolean;
  readonly login: Login;
  readonly database: number;
  /** The URL without its passwords. */
  readonly shown: string;
} & (
  | { readonly kind: 'single' | 'cluster' }
  | { readonly kind: 'sentinel'; readonly masterName: string; readonly sentinelLogin: Login }
);

const FORM =
  /^(?<secure>redis|rediss)(?:\+(?<kind>sentinel|cluster))?:\/\/(?:(?<login>[^@/?#]*)@)?(?<hosts>[^@/?#]+)(?:\/(?<path>[^?#]*))?(?:\?(?<query>[^#]*))?$/;
const HOST = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<name>[A-Za-z0-9._-]+))(?::(?<port>\d{1,5}))?$/;
const PORTS = { single: 6379, cluster: 6379, sentinel: 26_379 } as const;

/**
 * Reads `redis://[[user]:password@]host[:port][/db]`, `redis+sentinel://…@host,host/master[/db]` or `redis+cluster://…@host,host`, each with `rediss`
 * for TLS. Throws InvalidArgument with the end of a sentence that begins with the name of the setting, and never repeats a password.
 */
export function parseRedisUrl(url: string): RedisAddress {
  const groups = FORM.exec(url)?.groups;
  if (groups === undefined) throw wrong(schemeProblem(url));
  const kind = (groups.kind ?? 'single') as RedisAddress['kind'];
  const endpoints = (groups.hosts ?? '').split(',').map((host) => endpointOf(host, PORTS[kind]));
  const [first, ...others] = endpoints;
  if (first === undefined) throw wrong('names no host');
  if (kind === 'single' && others.length > 0) {
    throw wrong('names several hosts; write redis+sentinel:// or redis+cluster:// for them');
  }
  const query = new URLSearchParams(groups.query ?? '');
  const segments = (groups.path ?? '').split('/').filter((segment) => segment !== '');
  const masterName = kind === 'sentinel' ? segments.shift() : undefined;
  if (kind === 'sentinel' && masterName === undefined) {
    throw wrong('names no master; it must end as in redis+sentinel://host1,host2/mymaster');
  }
  const base = {
    endpoints: [first, ...others] as const,
    tls: groups.secure === 'rediss',
    login: loginOf(groups.login),
    database: databaseOf(kind, segments, query),
    shown: withoutPasswords(groups.login, url),
  };
  const sentinelLogin = sentinelLoginOf(query);
  const [unknown] = query.keys();
  if (unknown !== undefined) throw wrong(`has the parameter "${unknown}", which osproxy does not know`);
  if (masterName === undefined) return { ...base, kind: kind === 'cluster' ? 'cluster' : 'single' };
  return { ...base, kind: 'sentinel', masterName: unescaped(masterName), sentinelLogin };
}

function schemeProblem(url: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1];
  const what = scheme === undefined ? 'is not an address' : `with the scheme "${scheme}" is not an address`;
  return `${what} of Redis; it must look like redis://host:6379, redis+sentinel://host1,host2/mymaster or redis+cluster://host1,host2`;
}

function endpointOf(text: string, standardPort: number): Endpoint {
  const groups = HOST.exec(text)?.groups;
  const port = groups?.port === undefined ? standardPort : Number(groups.port);
  const host = groups?.v6 ?? groups?.name;
  if (host === undefined || port < 1 || port > 65_535) {
    throw wrong(
      `has the host "${text}"; it must be a name or address, with :port where it is not ${standardPort}`,
    );
  }
  return { host, port };
}

function loginOf(text: string | undefined): Login {
  if (text === undefined || text === '') return {};
  const colon = text.indexOf(':');
  if (colon === -1) throw wrong('has a user without a password; write redis://user:password@host');
  const username = unescaped(text.slice(0, colon));
  return { ...(username === '' ? {} : { username }), password: unescaped(text.slice(colon + 1)) };
}

/** Takes its parameters out of the query. */
function sentinelLoginOf(query: URLSearchParams): Login {
  const username = query.get('sentinelUsername');
  const password = query.get('sentinelPassword');
  query.delete('sentinelUsername');
  query.delete('sentinelPassword');
  return { ...(username === null ? {} : { username }), ...(password === null ? {} : { password }) };
}

function databaseOf(kind: RedisAddress['kind'], segments: readonly string[], query: URLSearchParams): number {
  const [text = query.get('db') ?? '0', ...rest] = segments;
  query.delete('db');
  if (!/^\d{1,4}$/.test(text) || rest.length > 0) {
    throw wrong(`has the database "${[text, ...rest].join('/')}"; it must be a number such as 0`);
  }
  if (kind === 'cluster' && text !== '0')
    throw wrong(`has the database ${text}; a cluster has only database 0`);
  return Number(text);
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('has a % that begins no escape; write a % itself as %25');
  }
}

function withoutPasswords(login: string | undefined, url: string): string {
  const user = login?.split(':', 1)[0] ?? '';
  const masked =
    login === undefined || login === '' ? url : url.replace(`${login}@`, () => `${user}:********@`);
  return masked.replace(/(sentinelPassword=)[^&]*/, '$1********');
}

function wrong(predicate: string): OsproxyError {
  return new OsproxyError('InvalidArgument', predicate);
}

import { isIP } from 'node:net';
import type { Draft } from './draft.ts';
import { SETTINGS } from './settings.ts';

/** Rules between settings, and those of a single value that a range cannot say. Only called on values of the right type. */
export function checkRelations(draft: Draft): void {
  const check = new Checker(draft);
  check.databaseUrl();
  check.replicas();
  check.publicUrl();
  check.clusterAddress();
  check.clusterSecrets();
  check.stores();
  check.rules();
  check.scrub();
  check.thumbnails();
  check.workers();
  check.ownNames('events.sinks', 'sink');
  check.ownNames('signIn.providers', 'provider');
  check.taskDispatch();
  check.usage();
  check.keys('links.keys');
  check.keys('accounts.keys');
  check.admin();
  check.mail();
  check.logFile();
  check.proxies();
  check.origins();
  check.atMost('database.replicaMaxLagSeconds', 'database.replicaMinAgeSeconds', 1);
  check.atMost('links.defaultExpireSeconds', 'links.maxExpireSeconds', 1);
  check.atMost('uploads.partSizeMiB', 'uploads.maxPartSizeMiB', 1);
  check.atMost('cache.smallObjectKiB', 'cache.smallObjectsMiB', 1024);
}

const DATABASE_SCHEMES = ['sqlite', 'postgres', 'postgresql', 'mysql', 'mariadb'];
const SQLITE_URL = /^sqlite:[^?#\s][^?#]*$/;
const SERVER_URL =
  /^(postgres|postgresql|mysql|mariadb):\/\/[^:@/?#\s]+(:[^:@/?#\s]*)?@(\[[0-9a-f:.]+\]|[^:@/?#\s]+)(:\d{1,5})?\/[^:@/?#\s]+(\?sslmode=(disable|require|verify-full))?$/i;

interface NamedStore {
  readonly name: string;
  readonly type: string;
  readonly path?: unknown;
}

interface Rule {
  readonly match: { readonly minSize?: number; readonly maxSize?: number };
  readonly store: string;
  readonly thenTransferTo?: string;
}

class Checker {
  readonly #draft: Draft;

  constructor(draft: Draft) {
    this.#draft = draft;
  }

  /** The sentence never repeats the value, which may hold a password. */
  databaseUrl(): void {
    const url = this.#get<string>('database.url');
    if (url === undefined || SQLITE_URL.test(url) || SERVER_URL.test(url)) return;
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1] ?? 'sqlite';
    const what = DATABASE_SCHEMES.includes(scheme)
      ? 'is not a database address'
      : `has the scheme "${scheme}"`;
    this.#problem(
      'database.url',
      `${what}; it must be sqlite: and the path of a file, such as sqlite:./data/osproxy.db, postgres://user:password@host:5432/database or mysql://user:password@host:3306/database, with %23, %2F, %3A, %3F and %40 for #, /, :, ? and @ in a password.`,
    );
  }

  /** The sentences never repeat a value, which may hold a password. */
  replicas(): void {
    const setting = 'database.replicas';
    const replicas = this.#get<readonly string[]>(setting) ?? [];
    const url = this.#get<string>('database.url') ?? 'sqlite:osproxy.db';
    if (replicas.length > 0 && SQLITE_URL.test(url)) {
      this.#problem(
        setting,
        'needs database.url to name a PostgreSQL, MySQL or MariaDB server; SQLite has no replicas. Set database.url, or remove it.',
      );
      return;
    }
    for (const [index, replica] of replicas.entries()) {
      const at = `${setting}[${index}]`;
      if (!SERVER_URL.test(replica)) {
        const example =
          'such as postgres://user:password@host:5432/database, with %2C for a comma in a password';
        this.#problem(
          at,
          `is not the address of a database server; it must be written like database.url, ${example}.`,
          setting,
        );
      } else if (replica.startsWith('postgres') !== url.startsWith('postgres')) {
        this.#problem(
          at,
          'is another kind of server than database.url; a replica must be of the same kind.',
          setting,
        );
      } else if (replicas.indexOf(replica) !== index) {
        this.#problem(at, 'is named twice; each replica must be another.', setting);
      }
    }
  }

  clusterAddress(): void {
    const text = this.#get<string>('cluster.address');
    if (text === undefined) return;
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const isWildcard = url !== undefined && /^(0\.0\.0\.0|\[::\])$/.test(url.hostname);
    const bare = url !== undefined && `${url.origin}/` === url.href && /^https?:$/.test(url.protocol);
    if (bare && !isWildcard) return;
    this.#problem(
      'cluster.address',
      'cannot be reached by other nodes; it must be http:// or https://, a host and a port, such as http://10.0.0.5:8888.',
    );
  }

  clusterSecrets(): void {
    const former = this.#get<readonly string[]>('cluster.formerSecrets') ?? [];
    const secret = this.#get<string>('cluster.secret');
    if (former.length > 0 && secret === undefined)
      this.#problem(
        'cluster.formerSecrets',
        'is set without cluster.secret; set that as well, or remove it.',
      );
    if (former.some((one, index) => one === secret || former.indexOf(one) !== index))
      this.#problem('cluster.formerSecrets', 'names a secret twice; each must be another.');
  }

  publicUrl(): void {
    const text = this.#get<string>('publicUrl');
    if (text === undefined) return;
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const good =
      url !== undefined &&
      /^https?:$/.test(url.protocol) &&
      !url.search &&
      !url.hash &&
      !url.username &&
      !url.password;
    if (!good) {
      this.#problem(
        'publicUrl',
        'is not usable as a base; it must be an http:// or https:// address without user, query and fragment.',
      );
    }
  }

  stores(): void {
    const stores = this.#get<readonly NamedStore[]>('stores');
    for (const [index, store] of (stores ?? []).entries()) {
      if (stores?.findIndex((other) => other.name === store.name) !== index) {
        this.#problem(
          `stores[${index}].name`,
          `is "${store.name}", which another store has; every store needs its own name.`,
          'stores',
        );
      }
      const isFolder = store.type === 'local-disk' && store.path !== undefined;
      if (isFolder && stores?.findIndex((other) => other.path === store.path) !== index) {
        this.#problem(
          `stores[${index}].path`,
          `is "${store.path}", which another store has; every store needs its own folder.`,
          'stores',
        );
      }
    }
    const wanted = this.#get<string>('defaultStore');
    const names = this.#storeNames();
    if (wanted !== undefined && !names.includes(wanted)) {
      this.#problem(
        'defaultStore',
        `is "${wanted}", which no store is called; it must be one of ${names.join(', ')}.`,
      );
    }
  }

  rules(): void {
    const names = this.#storeNames();
    const setting = 'placement.rules';
    for (const [index, rule] of (this.#get<readonly Rule[]>(setting) ?? []).entries()) {
      const at = `${setting}[${index}]`;
      for (const field of ['store', 'thenTransferTo'] as const) {
        const name = rule[field];
        if (name === undefined || names.includes(name)) continue;
        const sentence = `is "${name}", which no store is called; it must be one of ${names.join(', ')}.`;
        this.#problem(`${at}.${field}`, sentence, setting);
      }
      if (rule.thenTransferTo === rule.store) {
        const sentence = `is "${rule.store}", where the file is already; name another store or leave it out.`;
        this.#problem(`${at}.thenTransferTo`, sentence, setting);
      }
      const { minSize = 0, maxSize = Number.POSITIVE_INFINITY } = rule.match;
      if (minSize > maxSize) {
        const sentence = `is ${minSize}; it must not be above match.maxSize, which is ${maxSize}.`;
        this.#problem(`${at}.match.minSize`, sentence, setting);
      }
    }
  }

  thumbnails(): void {
    const [name, names] = [this.#get<string>('thumbnails.store'), this.#storeNames()];
    if (name === undefined || names.includes(name)) return;
    const sentence = `is "${name}", which no store is called; it must be one of ${names.join(', ')}.`;
    this.#problem('thumbnails.store', sentence);
  }

  scrub(): void {
    const names = this.#storeNames();
    for (const [index, name] of (this.#get<readonly string[]>('scrub.stores') ?? []).entries()) {
      if (names.includes(name)) continue;
      const sentence = `is "${name}", which no store is called; it must be one of ${names.join(', ')}.`;
      this.#problem(`scrub.stores[${index}]`, sentence, 'scrub.stores');
    }
  }

  workers(): void {
    const workers = this.#get<number | 'auto'>('workers') ?? 1;
    if (workers === 1) return;
    const memory = this.#get<readonly NamedStore[]>('stores')?.find((store) => store.type === 'memory');
    if (memory === undefined) return;
    this.#problem(
      'workers',
      `is ${workers}, but the store "${memory.name}" keeps its files in the memory of one process; set workers to 1 or give the store another type.`,
    );
  }

  /** Every entry of the list has a name of its own. */
  ownNames(setting: string, what: string): void {
    const entries = this.#get<readonly { readonly name: string }[]>(setting) ?? [];
    for (const [index, { name }] of entries.entries()) {
      if (entries.findIndex((other) => other.name === name) === index) continue;
      this.#problem(
        `${setting}[${index}].name`,
        `is "${name}", which another ${what} has; every ${what} needs its own name.`,
        setting,
      );
    }
  }

  taskDispatch(): void {
    if (this.#get('tasks.dispatch') !== 'rabbitmq' || this.#get('rabbitmq.url') !== undefined) return;
    this.#problem(
      'tasks.dispatch',
      'is rabbitmq, but rabbitmq.url is not set; set OSPROXY_RABBITMQ_URL, or tasks.dispatch to database.',
    );
  }

  usage(): void {
    if (this.#get('usage.kafka.topic') === undefined) return;
    if ((this.#get<readonly string[]>('kafka.brokers') ?? []).length > 0) return;
    this.#problem('usage.kafka.topic', 'is set without kafka.brokers; name the brokers, or remove it.');
  }

  #storeNames(): readonly string[] {
    return this.#get<readonly NamedStore[]>('stores')?.map((store) => store.name) ?? ['local'];
  }

  keys(setting: string): void {
    const keys = this.#get<readonly { readonly id: string }[]>(setting) ?? [];
    for (const [index, key] of keys.entries()) {
      if (keys.findIndex((other) => other.id === key.id) !== index) {
        this.#problem(
          `${setting}[${index}].id`,
          `is "${key.id}", which another key has; every key needs its own id.`,
          setting,
        );
      }
    }
  }

  admin(): void {
    const [name, password] = [this.#get('admin.name'), this.#get('admin.password')];
    if (name !== undefined && password === undefined)
      this.#problem('admin.name', 'is set without admin.password; set that as well, or remove it.');
    if (name === undefined && password !== undefined)
      this.#problem('admin.password', 'is set without admin.name; set that as well, or remove it.');
  }

  /** The sentences never repeat the address of the server, which may hold a password. */
  mail(): void {
    const url = this.#get<string>('mail.url');
    const [from, base] = [this.#get<string>('mail.from'), this.#get<string>('publicUrl')];
    const domain = this.#get<string>('accounts.signUp') === 'domain';
    if (domain && (url === undefined || (this.#get<string[]>('accounts.signUpDomains') ?? []).length === 0))
      this.#problem('accounts.signUp', 'is "domain", which needs accounts.signUpDomains and mail.url.');
    if (url === undefined) return;
    if (!URL.canParse(url) || !/^smtps?:\/\/[^/?#]+\/?$/.test(url))
      this.#problem(
        'mail.url',
        'is not the address of a mail server, such as smtp://user:password@host:587.',
      );
    if (from === undefined || !/^[^\r\n]*[^\s<>@]@[^\s<>@]+>?$/.test(from))
      this.#problem('mail.url', 'needs mail.from, such as "osproxy <files@example.com>".');
    if (base === undefined)
      this.#problem('mail.url', 'needs publicUrl, which the links in mails begin with; set that as well.');
  }

  logFile(): void {
    if (this.#get('log.file.path') !== undefined) return;
    const lone = SETTINGS.find(
      (setting) => setting.name.startsWith('log.file.') && this.#draft.values.has(setting.name),
    );
    if (lone !== undefined)
      this.#problem(lone.name, 'is set without log.file.path; set the path of the log file, or remove it.');
  }

  proxies(): void {
    for (const [index, proxy] of (this.#get<readonly string[]>('http.trustedProxies') ?? []).entries()) {
      if (!isNetwork(proxy)) {
        this.#problem(
          `http.trustedProxies[${index}]`,
          `is "${proxy}"; it must be an IP address or a network such as 10.0.0.0/8.`,
          'http.trustedProxies',
        );
      }
    }
  }

  origins(): void {
    for (const [index, origin] of (this.#get<readonly string[]>('http.corsOrigins') ?? []).entries()) {
      if (
        origin === '*' ||
        (URL.canParse(origin) && /^https?:/.test(origin) && new URL(origin).origin === origin)
      )
        continue;
      this.#problem(
        `http.corsOrigins[${index}]`,
        `is "${origin}"; it must be * or an origin such as https://app.example.com, without a path.`,
        'http.corsOrigins',
      );
    }
  }

  /** `name` × 1 may not be above `bound` × factor; a bound of 0 switches the feature off. */
  atMost(name: string, bound: string, factor: number): void {
    const value = this.#effective(name);
    const limit = this.#effective(bound);
    if (limit === 0 || value <= limit * factor) return;
    const setOne = this.#draft.values.has(name) ? name : bound;
    const sentence =
      setOne === name
        ? `is ${value}; it must not be above ${bound}, which is ${limit}.`
        : `is ${limit}; it must not be below ${name}, which is ${value}.`;
    this.#problem(setOne, sentence);
  }

  #get<T>(name: string): T | undefined {
    return this.#draft.values.get(name)?.value as T | undefined;
  }

  #effective(name: string): number {
    return (
      this.#get<number>(name) ?? Number(SETTINGS.find((setting) => setting.name === name)?.schema.default)
    );
  }

  #problem(name: string, predicate: string, setting = name): void {
    this.#draft.problems.push(
      `${name} (from ${this.#draft.values.get(setting)?.origin ?? 'the defaults'}) ${predicate}`,
    );
  }
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

import { SCOPES, type Scope, type ServiceKey } from '#core/model/principal.ts';
import { DEFAULT_OVERLAP_SECONDS, type KeyWithSecret, MOST_OVERLAP_SECONDS } from '#core/service-keys.ts';
import { type Command, type OptionValues, UsageError } from './command.ts';
import type { Context, Service } from './context.ts';
import { withService } from './open.ts';
import { table, timeText } from './table.ts';

const MS_PER_DAY = 86_400_000;
const SECONDS_PER_HOUR = 3600;
const MOST_DAYS = 36_500;
const OF_CREATE = ['name', 'owner', 'scopes', 'expires-days', 'store', 'prefix'] as const;

export const keys: Command = {
  name: 'keys',
  usage:
    'keys create --name <name> [--owner <owner>] [--scopes <list>] [--expires-days <n>] [--store <store>] [--prefix <text>] | keys list | keys rotate <id> [--overlap-hours <n>] | keys revoke <id>',
  summary: 'Creates, lists, rotates and revokes service keys.',
  details: [
    '  create                 makes a key and prints its secret once',
    '    --name <name>        what the key is for',
    '    --owner <owner>      whose files it sees (default: default)',
    `    --scopes <list>      comma-separated: ${SCOPES.join(', ')} (default: all but admin)`,
    '    --expires-days <n>   days until it ends (default: never)',
    '    --store <store>      what it sends goes there',
    '    --prefix <text>      it sees and makes only names that begin so',
    '  list                   every key without its secret',
    '  rotate <id>            gives a key another secret and prints it once',
    `    --overlap-hours <n>  hours that the old one stays good, 0 to ${MOST_OVERLAP_SECONDS / SECONDS_PER_HOUR} (default: ${DEFAULT_OVERLAP_SECONDS / SECONDS_PER_HOUR})`,
    '  revoke <id>            ends a key at once',
    '    --json               print JSON (create, list, rotate)',
  ],
  options: {
    name: { type: 'string' },
    owner: { type: 'string' },
    scopes: { type: 'string' },
    'expires-days': { type: 'string' },
    store: { type: 'string' },
    prefix: { type: 'string' },
    'overlap-hours': { type: 'string' },
    json: { type: 'boolean' },
  },
  maxWords: 2,
  async run([action, id], options, context) {
    if (action !== 'rotate') refuse(options, ['overlap-hours'], action);
    if (action === 'create' && id === undefined) return create(options, context);
    refuse(options, OF_CREATE, action);
    if (action === 'list' && id === undefined) return list(options, context);
    if (action === 'rotate') return rotate(id, options, context);
    if (action === 'revoke') return revoke(id, options, context);
    throw new UsageError(
      '"osproxy keys" needs one of create, list, rotate <id>, revoke <id>; see "osproxy keys --help".',
    );
  },
};

async function create(options: OptionValues, context: Context): Promise<number> {
  const name = text(options.name);
  if (!name) throw new UsageError('"osproxy keys create" needs --name: what the key is for.');
  const days = numberOf(options, 'expires-days', 1, MOST_DAYS);
  const prefix = options.prefix;
  const wanted = {
    name,
    owner: text(options.owner) || 'default',
    scopes: scopesOf(text(options.scopes)),
    ...(days === undefined ? {} : { expiresAt: Date.now() + days * MS_PER_DAY }),
    ...(options.store === undefined ? {} : { store: text(options.store) }),
    // Blanks of a prefix count.
    ...(typeof prefix === 'string' ? { namePrefix: prefix } : {}),
  };
  return withService(context, async (service) => {
    await service.migrate();
    show(await service.keys.create(wanted), options, context);
    return 0;
  });
}

async function list(options: OptionValues, context: Context): Promise<number> {
  return withService(context, async (service) => {
    await service.migrate();
    const all = await service.keys.list();
    if (options.json === true) context.print(JSON.stringify(all.map(publicFields), null, 2));
    else if (all.length === 0)
      context.print('There are no keys; make one with "osproxy keys create --name <name>".');
    else {
      const rows = all.map((key) => [
        key.id,
        key.name,
        key.owner,
        key.scopes.join(','),
        limitsOf(key),
        stateOf(key),
        timeText(key.createdAt),
        timeText(key.expiresAt),
        timeText(key.lastUsedAt),
      ]);
      context.print(
        table(['ID', 'NAME', 'OWNER', 'SCOPES', 'LIMITS', 'STATE', 'CREATED', 'EXPIRES', 'LAST USED'], rows),
      );
    }
    return 0;
  });
}

async function rotate(id: string | undefined, options: OptionValues, context: Context): Promise<number> {
  if (id === undefined)
    throw new UsageError('"osproxy keys rotate" needs the id of a key; see "osproxy keys list".');
  const hours = numberOf(options, 'overlap-hours', 0, MOST_OVERLAP_SECONDS / SECONDS_PER_HOUR);
  const overlap = hours === undefined ? DEFAULT_OVERLAP_SECONDS : hours * SECONDS_PER_HOUR;
  return withService(context, async (service) => {
    await service.migrate();
    show(await service.keys.rotate(id, overlap), options, context);
    return 0;
  });
}

async function revoke(id: string | undefined, options: OptionValues, context: Context): Promise<number> {
  refuse(options, ['json'], 'revoke');
  if (id === undefined)
    throw new UsageError('"osproxy keys revoke" needs the id of a key; see "osproxy keys list".');
  return withService(context, async (service: Service) => {
    await service.migrate();
    await service.keys.revoke(id);
    context.print(`Key ${id} is revoked.`);
    return 0;
  });
}

function show({ key, secret }: KeyWithSecret, options: OptionValues, context: Context): void {
  if (options.json === true) {
    context.print(JSON.stringify({ ...publicFields(key), secret }, null, 2));
    return;
  }
  context.print(`Key ${key.id} (${key.name}) for owner ${key.owner} with ${key.scopes.join(', ')}:`);
  context.print(`\n  ${secret}\n\nIt is shown only now; keep it safe.`);
  if (key.former !== undefined) context.print(`The one before is good until ${timeText(key.former.until)}.`);
}

function refuse(options: OptionValues, names: readonly string[], action: string | undefined): void {
  const given = names.find((name) => options[name] !== undefined);
  if (given !== undefined && action !== undefined)
    throw new UsageError(`"osproxy keys ${action}" has no option --${given}.`);
}

function text(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value.trim() : undefined;
}

function scopesOf(list: string | undefined): Scope[] {
  if (list === undefined) return SCOPES.filter((scope) => scope !== 'admin');
  const words = [...new Set(list.split(',').map((word) => word.trim()))].filter((word) => word !== '');
  const wrong = words.find((word) => !SCOPES.some((scope) => scope === word));
  if (wrong !== undefined || words.length === 0) {
    throw new UsageError(`--scopes is "${list}"; it must be a comma-separated list of ${SCOPES.join(', ')}.`);
  }
  return SCOPES.filter((scope) => words.includes(scope));
}

function numberOf(options: OptionValues, name: string, least: number, most: number): number | undefined {
  const value = text(options[name]);
  if (value === undefined) return undefined;
  const number = /^\d{1,5}$/.test(value) ? Number(value) : -1;
  if (number >= least && number <= most) return number;
  throw new UsageError(`--${name} is "${value}"; it must be a whole number from ${least} to ${most}.`);
}

function limitsOf({ store, namePrefix }: ServiceKey): string {
  const limits = [
    ...(store === undefined ? [] : [`store ${store}`]),
    ...(namePrefix === undefined ? [] : [`names "${namePrefix}…"`]),
  ];
  return limits.length === 0 ? '-' : limits.join(', ');
}

function stateOf(key: ServiceKey): string {
  if (key.revokedAt !== undefined) return 'revoked';
  return key.expiresAt !== undefined && key.expiresAt <= Date.now() ? 'expired' : 'active';
}

/** Everything but the hashes of secrets. */
function publicFields({ secretHash: _hidden, former, ...key }: ServiceKey) {
  const shown =
    former === undefined ? {} : { former: { until: former.until, lastUsedAt: former.lastUsedAt } };
  return { ...key, ...shown, state: stateOf({ secretHash: '', former, ...key }) };
}

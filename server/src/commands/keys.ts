import { SCOPES, type Scope, type ServiceKey } from '#core/model/principal.ts';
import { type Command, type OptionValues, UsageError } from './command.ts';
import type { Context, Service } from './context.ts';
import { withService } from './open.ts';
import { table, timeText } from './table.ts';

const MS_PER_DAY = 86_400_000;
const MOST_DAYS = 36_500;

export const keys: Command = {
  name: 'keys',
  usage:
    'keys create --name <name> [--owner <owner>] [--scopes <list>] [--expires-days <n>] | keys list | keys revoke <id>',
  summary: 'Creates, lists and revokes service keys.',
  details: [
    '  create                 makes a key and prints its secret once',
    '    --name <name>        what the key is for',
    '    --owner <owner>      whose files it sees (default: default)',
    `    --scopes <list>      comma-separated: ${SCOPES.join(', ')} (default: all but admin)`,
    '    --expires-days <n>   days until it ends (default: never)',
    '  list                   every key without its secret',
    '  revoke <id>            ends a key at once',
    '    --json               print JSON (create, list)',
  ],
  options: {
    name: { type: 'string' },
    owner: { type: 'string' },
    scopes: { type: 'string' },
    'expires-days': { type: 'string' },
    json: { type: 'boolean' },
  },
  maxWords: 2,
  async run([action, id], options, context) {
    if (action === 'create' && id === undefined) return create(options, context);
    refuse(options, ['name', 'owner', 'scopes', 'expires-days'], action);
    if (action === 'list' && id === undefined) return list(options, context);
    if (action === 'revoke') return revoke(id, options, context);
    throw new UsageError('"osproxy keys" needs one of create, list, revoke <id>; see "osproxy keys --help".');
  },
};

async function create(options: OptionValues, context: Context): Promise<number> {
  const name = text(options.name);
  if (!name) throw new UsageError('"osproxy keys create" needs --name: what the key is for.');
  const days = daysOf(text(options['expires-days']));
  const wanted = {
    name,
    owner: text(options.owner) || 'default',
    scopes: scopesOf(text(options.scopes)),
    ...(days === undefined ? {} : { expiresAt: Date.now() + days * MS_PER_DAY }),
  };
  return withService(context, async (service) => {
    await service.migrate();
    const { key, secret } = await service.keys.create(wanted);
    if (options.json === true) context.print(JSON.stringify({ ...publicFields(key), secret }, null, 2));
    else {
      context.print(`Key ${key.id} (${key.name}) for owner ${key.owner} with ${key.scopes.join(', ')}:`);
      context.print(`\n  ${secret}\n\nIt is shown only now; keep it safe.`);
    }
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
        stateOf(key),
        timeText(key.createdAt),
        timeText(key.expiresAt),
        timeText(key.lastUsedAt),
      ]);
      context.print(
        table(['ID', 'NAME', 'OWNER', 'SCOPES', 'STATE', 'CREATED', 'EXPIRES', 'LAST USED'], rows),
      );
    }
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

function daysOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const days = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (days >= 1 && days <= MOST_DAYS) return days;
  throw new UsageError(`--expires-days is "${value}"; it must be a whole number from 1 to ${MOST_DAYS}.`);
}

function stateOf(key: ServiceKey): string {
  if (key.revokedAt !== undefined) return 'revoked';
  return key.expiresAt !== undefined && key.expiresAt <= Date.now() ? 'expired' : 'active';
}

/** Everything but the hash of the secret. */
function publicFields({ secretHash: _hidden, ...key }: ServiceKey) {
  return { ...key, state: stateOf({ secretHash: '', ...key }) };
}

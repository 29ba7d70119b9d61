import { ROLES, type Role, type User } from '#core/model/user.ts';
import { type Command, type OptionValues, UsageError } from './command.ts';
import type { Context, Service } from './context.ts';
import { mustBeMigrated, withService } from './open.ts';
import { readSecret } from './read-secret.ts';
import { table, timeText } from './table.ts';

/** The password of a command that nobody sits at. */
const VARIABLE = 'OSPROXY_USER_PASSWORD';
const ACTIONS = ['list', 'create', 'enable', 'disable', 'password', 'reset', 'role', 'delete'];
const PAGE = 1000;

export const users: Command = {
  name: 'users',
  usage:
    'users list | users create <name> [--admin] [--email <address>] [--display-name <text>] [--no-password] | users enable|disable|password|reset|delete <name> | users role <name> <role>',
  summary: 'Makes, shows and changes people who have an account.',
  details: [
    '  list                        everybody',
    '    --json                    print JSON (list, create)',
    '  create <name>               makes a user and asks for the password',
    '    --admin                   an administrator instead of a member',
    '    --email <address>         counts as verified',
    '    --display-name <text>     what others see',
    '    --no-password             signs in by an identity provider',
    '  enable, disable <name>      a disabled user is signed out everywhere at once',
    '  password <name>             asks for a new password; signs the user out everywhere',
    '  reset <name>                prints a link that sets a password, once, within 30 minutes',
    `  role <name> <role>          ${ROLES.join(' or ')}; signs the user out everywhere`,
    '  delete <name>               with all that belongs to the user',
    'A name is a login name, an e-mail address or an id.',
    `The password is asked for at a terminal, else taken from ${VARIABLE} or the first line of standard input; never from an argument, which every process sees.`,
  ],
  options: {
    admin: { type: 'boolean' },
    email: { type: 'string' },
    'display-name': { type: 'string' },
    'no-password': { type: 'boolean' },
    json: { type: 'boolean' },
  },
  maxWords: 3,
  async run([action = '', name, role], options, context) {
    checkWords(action, name, role);
    checkOptions(action, options);
    const work = { list, create, role: setRole, enable, disable, password, reset, delete: remove }[action];
    return withService(context, async (service) => {
      if (action === 'create') await service.migrate();
      else await mustBeMigrated(service);
      await work?.(service, { name: name ?? '', role: role as Role, options, context });
      return 0;
    });
  },
};

interface Call {
  readonly name: string;
  readonly role: Role;
  readonly options: OptionValues;
  readonly context: Context;
}

function checkWords(action: string, name: string | undefined, role: string | undefined): void {
  const right =
    action === 'list'
      ? name === undefined
      : name !== undefined && (action === 'role') === (role !== undefined);
  if (!ACTIONS.includes(action) || !right) {
    throw new UsageError(
      '"osproxy users" needs one of list, create <name>, enable <name>, disable <name>, password <name>, reset <name>, role <name> <role>, delete <name>; see "osproxy users --help".',
    );
  }
  if (role !== undefined && !ROLES.some((one) => one === role)) {
    throw new UsageError(`The role is "${role}"; it must be ${ROLES.join(' or ')}.`);
  }
}

function checkOptions(action: string, options: OptionValues): void {
  const taken: Readonly<Record<string, readonly string[]>> = {
    list: ['json'],
    create: ['admin', 'email', 'display-name', 'no-password', 'json'],
  };
  for (const option of Object.keys(options)) {
    if (taken[action]?.includes(option)) continue;
    throw new UsageError(`"osproxy users ${action}" has no option --${option}.`);
  }
}

async function list(service: Service, { options, context }: Call): Promise<void> {
  const all: User[] = [];
  let after: string | undefined;
  do {
    const page = await service.users.list(after, PAGE);
    all.push(...page.users);
    after = page.next;
  } while (after !== undefined);
  if (options.json === true) {
    context.print(JSON.stringify(all, null, 2));
    return;
  }
  const rows = all.map((user) => [
    ...[user.id, user.name, user.displayName, user.email ?? '', user.role, user.state],
    ...[timeText(user.createdAt), timeText(user.lastSignInAt)],
  ]);
  const header = ['ID', 'NAME', 'DISPLAY NAME', 'E-MAIL', 'ROLE', 'STATE', 'CREATED', 'LAST SIGN-IN'];
  context.print(
    rows.length === 0
      ? 'Nobody has an account; make one with "osproxy users create <name> --admin".'
      : table(header, rows),
  );
}

async function create(service: Service, { name, options, context }: Call): Promise<void> {
  const { email, 'display-name': displayName } = options;
  const user = await service.users.create({
    name,
    password: options['no-password'] === true ? undefined : await newPassword(name, context),
    ...(typeof email === 'string' ? { email, emailIsVerified: true } : {}),
    ...(typeof displayName === 'string' ? { displayName } : {}),
    role: options.admin === true ? 'admin' : 'member',
  });
  if (options.json === true) context.print(JSON.stringify(user, null, 2));
  else
    context.print(
      `${user.name} is ${user.role === 'admin' ? 'an administrator' : 'a member'} with id ${user.id}.`,
    );
}

async function enable(service: Service, { name, context }: Call): Promise<void> {
  const user = await service.users.change(name, { state: 'active' });
  context.print(`${user.name} may sign in.`);
}

async function disable(service: Service, { name, context }: Call): Promise<void> {
  const user = await service.users.change(name, { state: 'disabled' });
  context.print(`${user.name} is signed out everywhere and may not sign in.`);
}

async function setRole(service: Service, { name, role, context }: Call): Promise<void> {
  const user = await service.users.change(name, { role });
  context.print(`${user.name} is ${user.role === 'admin' ? 'an administrator' : 'a member'} from now on.`);
}

async function password(service: Service, { name, context }: Call): Promise<void> {
  const user = await service.users.setPassword(name, await newPassword(name, context));
  context.print(`The password of ${user.name} is changed; ${user.name} is signed out everywhere.`);
}

async function reset(service: Service, { name, context }: Call): Promise<void> {
  const { url, expiresAt } = await service.users.resetLink(name);
  context.print(`Until ${timeText(expiresAt)}, once: ${url}`);
}

async function remove(service: Service, { name, context }: Call): Promise<void> {
  await service.users.delete(name);
  context.print(`${name} is deleted.`);
}

async function newPassword(name: string, { env }: Context): Promise<string> {
  const given = env[VARIABLE];
  if (given !== undefined && given !== '') return given;
  const typed = await readSecret(`New password of ${name}`);
  if (process.stdin.isTTY && (await readSecret('The same again')) !== typed) {
    throw new UsageError('The two passwords differ; nothing was changed.');
  }
  return typed;
}

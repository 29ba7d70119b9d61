import { nearest } from '#config/nearest.ts';
import { type Command, UsageError } from './command.ts';

/** Every command in the order of the help; each is loaded only when it runs. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./serve.ts')).serve,
  worker: async () => (await import('./worker.ts')).worker,
  config: async () => (await import('./config.ts')).config,
  users: async () => (await import('./users.ts')).users,
  keys: async () => (await import('./keys.ts')).keys,
  stores: async () => (await import('./stores.ts')).stores,
  cluster: async () => (await import('./cluster.ts')).cluster,
  files: async () => (await import('./files.ts')).files,
  tasks: async () => (await import('./tasks.ts')).tasks,
  events: async () => (await import('./events.ts')).events,
  media: async () => (await import('./media.ts')).media,
  scrub: async () => (await import('./scrub.ts')).scrub,
  audit: async () => (await import('./audit.ts')).audit,
  usage: async () => (await import('./usage.ts')).usage,
  fsck: async () => (await import('./fsck.ts')).fsck,
  doctor: async () => (await import('./doctor.ts')).doctor,
  migrate: async () => (await import('./migrate.ts')).migrate,
  openapi: async () => (await import('./openapi.ts')).openapi,
  help: async () => (await import('./help.ts')).help(COMMANDS),
  version: async () => (await import('./version.ts')).version,
};

const ALIASES: Readonly<Record<string, string>> = {
  '--help': 'help',
  '-h': 'help',
  '--version': 'version',
  '-v': 'version',
};

/** Throws UsageError for a word that is no command. */
export async function findCommand(word: string): Promise<Command> {
  const name = ALIASES[word] ?? word;
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load !== undefined) return load();
  const suggestion = nearest(word, Object.keys(COMMANDS));
  const advice = suggestion === undefined ? 'see "osproxy help".' : `did you mean "osproxy ${suggestion}"?`;
  throw new UsageError(`"${word}" is not a command of osproxy; ${advice}`);
}

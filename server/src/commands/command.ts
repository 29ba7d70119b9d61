import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { nearest } from '#config/nearest.ts';
import type { Context } from './context.ts';

/** The command line cannot be understood: one sentence, exit code 2. */
export class UsageError extends Error {}

export type OptionValues = Readonly<Record<string, string | boolean | undefined>>;

/** One command of the command line. */
export interface Command {
  readonly name: string;
  /** The shape of a call, without "osproxy". */
  readonly usage: string;
  readonly summary: string;
  /** Lines below the usage: options and exit codes. */
  readonly details?: readonly string[];
  readonly options?: ParseArgsOptionsConfig;
  /** Words that are not options; default: none. */
  readonly maxWords?: number;
  /** Resolves with the exit code. */
  run(words: readonly string[], options: OptionValues, context: Context): Promise<number>;
}

const HELP = { help: { type: 'boolean', short: 'h' } } as const;

/** Parses the arguments and runs the command; --help prints its help instead. Throws UsageError. */
export async function runCommand(
  command: Command,
  args: readonly string[],
  context: Context,
): Promise<number> {
  const options = { ...command.options, ...HELP };
  const { values, positionals } = parse(command, args, options);
  if (values.help === true) {
    context.print(helpOf(command));
    return 0;
  }
  const extra = positionals[command.maxWords ?? 0];
  if (extra !== undefined) {
    throw new UsageError(
      `"osproxy ${command.name}" does not take "${extra}"; see "osproxy ${command.name} --help".`,
    );
  }
  return command.run(positionals, values as OptionValues, context);
}

function parse(command: Command, args: readonly string[], options: ParseArgsOptionsConfig) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(explain(command, error as NodeJS.ErrnoException, Object.keys(options)));
  }
}

function explain(command: Command, error: NodeJS.ErrnoException, known: readonly string[]): string {
  const see = `see "osproxy ${command.name} --help"`;
  const option = /'(?:-\w, )?(--?[^' ]+)/.exec(error.message)?.[1] ?? '';
  if (error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const suggestion = nearest(option.replace(/^-+/, ''), known);
    const advice = suggestion === undefined ? see : `did you mean --${suggestion}`;
    return `"osproxy ${command.name}" has no option ${option}; ${advice}${suggestion === undefined ? '.' : '?'}`;
  }
  const takes = error.message.includes('does not take an argument') ? 'takes no value' : 'needs a value';
  return `The option ${option} of "osproxy ${command.name}" ${takes}; ${see}.`;
}

export function helpOf(command: Command): string {
  const lines = [`Usage: osproxy ${command.usage}`, '', command.summary];
  if (command.details !== undefined) lines.push('', ...command.details);
  return lines.join('\n');
}

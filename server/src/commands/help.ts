import { type Command, helpOf, UsageError } from './command.ts';

/** Lists the commands it is given; it gets them as an argument because the list holds the help itself. */
export function help(commands: Readonly<Record<string, () => Promise<Command>>>): Command {
  return {
    name: 'help',
    usage: 'help [command]',
    summary: 'Lists the commands, or explains one.',
    maxWords: 1,
    async run([word], _options, context) {
      if (word === undefined) {
        context.print(await overview(commands));
        return 0;
      }
      const load = Object.hasOwn(commands, word) ? commands[word] : undefined;
      if (load === undefined)
        throw new UsageError(`"${word}" is not a command of osproxy; see "osproxy help".`);
      context.print(word === 'help' ? helpOf(this) : helpOf(await load()));
      return 0;
    },
  };
}

async function overview(commands: Readonly<Record<string, () => Promise<Command>>>): Promise<string> {
  const lines: string[] = [];
  for (const load of Object.values(commands)) {
    const { usage, summary } = await load();
    lines.push(`  osproxy ${usage}`, `      ${summary}`);
  }
  return [
    'osproxy: one file service in front of any store',
    '',
    'Commands:',
    ...lines,
    '',
    'Settings: docs/configuration.md',
  ].join('\n');
}

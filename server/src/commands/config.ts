import { loadConfig } from '#config/load-config.ts';
import { masked } from '#config/mask.ts';
import { configReference } from '#config/reference.ts';
import type { SchemaNode } from '#config/settings.ts';
import { type Command, UsageError } from './command.ts';
import { deliver } from './output.ts';

export const config: Command = {
  name: 'config',
  usage: 'config print [--json] | config reference [--output <file>]',
  summary: 'Shows the settings in force with secrets masked, or the reference of all settings.',
  details: [
    '  print             the settings of the file and the environment, as YAML',
    '    --json          as JSON',
    '  reference         every setting with default, range and variable, as Markdown',
    '    --output <file> write it to a file',
  ],
  options: { json: { type: 'boolean' }, output: { type: 'string' } },
  maxWords: 1,
  async run([action], options, context) {
    if (action === 'reference') {
      if (options.json === true)
        throw new UsageError('"osproxy config reference" has no --json; it prints Markdown.');
      deliver(await configurationPage(), options.output as string | undefined, context);
      return 0;
    }
    if (action !== 'print') {
      throw new UsageError('"osproxy config" needs one of print, reference; see "osproxy config --help".');
    }
    if (options.output !== undefined)
      throw new UsageError('"osproxy config print" has no --output; redirect it instead.');
    const settings = masked(await loadConfig(context));
    if (options.json === true) context.print(JSON.stringify(settings, null, 2));
    else context.print((await import('yaml')).stringify(settings).trimEnd());
    return 0;
  },
};

/** docs/configuration.md with the settings of every built-in type of store, event sink and sign-in provider. */
export async function configurationPage(): Promise<string> {
  const { storageDrivers } = await import('#drivers/storage/index.ts');
  const { eventSinks } = await import('#drivers/event-sinks/index.ts');
  const { identityProviders } = await import('#drivers/identity/index.ts');
  return configReference({
    stores: schemasOf(storageDrivers),
    sinks: schemasOf(eventSinks),
    providers: schemasOf(identityProviders),
  });
}

function schemasOf(
  types: Readonly<Record<string, { readonly settings: object }>>,
): Record<string, SchemaNode> {
  return Object.fromEntries(Object.entries(types).map(([type, { settings }]) => [type, settings]));
}

import type { Config } from '#config/config.ts';
import { SCOPES } from '#core/model/principal.ts';
import type { Context, Service } from './context.ts';

/** On a service that nobody could use yet, makes a key with every scope; undefined when there is a key already. */
export async function makeFirstKey(service: Service, config: Config): Promise<string | undefined> {
  if (config.apiKey !== undefined || (await service.keys.list()).length > 0) return undefined;
  const { secret } = await service.keys.create({ name: 'first', owner: 'default', scopes: SCOPES });
  return secret;
}

/** Goes to stdout itself and never through the log. */
export function printFirstKey(secret: string, url: string, context: Context): void {
  context.print(
    [
      '',
      '  osproxy is ready. This is your first service key; it is shown only now:',
      '',
      `    ${secret}`,
      '',
      '  Try it:',
      '',
      `    curl -H "Authorization: Bearer ${secret}" ${url}/api/v1/files`,
      '',
    ].join('\n'),
  );
}

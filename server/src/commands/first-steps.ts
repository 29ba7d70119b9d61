import type { Config } from '#config/config.ts';
import { isOsproxyError } from '#core/errors.ts';
import { SCOPES } from '#core/model/principal.ts';
import type { Context, Service } from './context.ts';

/** What whoever starts a service first must be told; shown once. */
export interface FirstSteps {
  /** The first service key. */
  readonly key?: string;
  /** Makes the first administrator. */
  readonly setUpToken?: string;
}

/** Makes what a service lacks that nobody could use yet: a key with every scope, the configured administrator, or a link that makes one. */
export async function takeFirstSteps(service: Service, config: Config): Promise<FirstSteps> {
  const key = await makeFirstKey(service, config);
  await makeFirstAdmin(service, config);
  const setUpToken = config.accounts.setupLink ? await service.users.newSetUpToken() : undefined;
  return {
    ...(key === undefined ? {} : { key }),
    ...(setUpToken === undefined ? {} : { setUpToken }),
  };
}

async function makeFirstKey(service: Service, config: Config): Promise<string | undefined> {
  if (config.apiKey !== undefined || (await service.keys.list()).length > 0) return undefined;
  const { secret } = await service.keys.create({ name: 'first', owner: 'default', scopes: SCOPES });
  return secret;
}

async function makeFirstAdmin({ users }: Service, { admin }: Config): Promise<void> {
  const { name, password } = admin;
  if (name === undefined || password === undefined) return;
  if ((await users.list(undefined, 1)).users.length > 0) return;
  await users.create({ name, password, role: 'admin' }).catch((error: unknown) => {
    // Another node that starts at the same time has made it.
    if (!isOsproxyError(error, 'AlreadyExists')) throw error;
  });
}

/** Goes to stdout itself and never through the log. */
export function printFirstSteps(steps: FirstSteps, url: string, config: Config, context: Context): void {
  const { key, setUpToken } = steps;
  if (key !== undefined) {
    context.print(
      [
        '',
        '  osproxy is ready. This is your first service key; it is shown only now:',
        '',
        `    ${key}`,
        '',
        '  Try it:',
        '',
        `    curl -H "Authorization: Bearer ${key}" ${url}/api/v1/files`,
        '',
      ].join('\n'),
    );
  }
  if (setUpToken === undefined) return;
  const link = `${(config.publicUrl ?? url).replace(/\/+$/, '')}/setup#${setUpToken}`;
  if (key === undefined) context.print(lineWith(link, config));
  else {
    context.print(
      [
        '  Nobody has an account yet. This link makes the first administrator, once, within 30 minutes:',
        '',
        `    ${link}`,
        '',
        '  Or on this machine: osproxy users create <name> --admin',
        '',
      ].join('\n'),
    );
  }
}

/** Where a key was given, programs read stdout: then it stays lines of JSON. */
function lineWith(setUpLink: string, { workers }: Config): string {
  const msg = 'nobody has an account yet; the link makes the first administrator, once, within 30 minutes';
  const base = { level: 'info', time: new Date().toISOString(), ...(workers > 1 ? { process: 0 } : {}) };
  return JSON.stringify({ ...base, setUpLink, msg });
}

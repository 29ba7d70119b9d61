import { basename, join } from 'node:path';
import { inject } from 'vitest';
import { accessTo } from '#test/services/shared.ts';
import { ceph } from './ceph.ts';
import { mariadb } from './mariadb.ts';
import type { ProfileName } from './names.ts';
import { postgres } from './postgres.ts';
import type { Place, Profile } from './profile.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** What the services of this run stand on; absent where it is what they have without any setting. */
    readonly profile?: ProfileName;
  }
}

const PROFILE: { readonly [Name in ProfileName]: Profile } = { ceph, postgres, mariadb };

const NOTHING: Place = { remove: async () => {} };

/** The name of the profile that this test file runs in; undefined where it is what a service has without any setting. */
const profile: ProfileName | undefined = inject('profile');

/** Why the profile cannot be had on this machine; undefined when it can. */
export async function whyNot(): Promise<string | undefined> {
  if (profile === undefined) return undefined;
  const answer = await accessTo(PROFILE[profile].needs);
  return answer.kind === 'unavailable' ? answer.reason : undefined;
}

/** The place of the service with this data folder, new or as the service left it. */
export async function placeOf(dataDir: string): Promise<Place> {
  if (profile === undefined) return NOTHING;
  const { needs, place } = PROFILE[profile];
  const answer = await accessTo(needs);
  if (answer.kind === 'unavailable') throw new Error(answer.reason);
  return place(basename(dataDir), answer.access);
}

/** True where the files of a service are in a folder in its data folder. */
export const onLocalDisk: boolean = profile !== 'ceph';

/** True where the records of a service are in a file in its data folder. */
export const onSqlite: boolean = profile !== 'postgres' && profile !== 'mariadb';

/** The name that the service's store has. */
export const storeName = onLocalDisk ? 'local' : 'main';

/** The variables that put a service, or a command beside it, there. */
export function environmentOf(dataDir: string, { store, databaseUrl }: Place): Record<string, string> {
  return {
    ...(store && { OSPROXY_STORES: JSON.stringify([{ name: storeName, ...store }]) }),
    ...(databaseUrl && { OSPROXY_DATABASE_URL: databaseUrl }),
    OSPROXY_DATA_DIR: dataDir,
  };
}

export function databaseUrlOf(dataDir: string, { databaseUrl }: Place): string {
  return databaseUrl ?? `sqlite:${join(dataDir, 'osproxy.db')}`;
}

import type { RestClient } from '../rest/client.ts';

export interface Key {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly scopes: readonly string[];
  readonly state: string;
  readonly store?: string;
  readonly namePrefix?: string;
  readonly lastUsedAt?: string;
  readonly lastUsedFrom?: string;
  readonly formerSecret?: { readonly goodUntil: string; readonly lastUsedAt?: string };
}

export async function makeKey(admin: RestClient, json: object): Promise<Key & { readonly secret: string }> {
  const { status, bytes } = await admin.call('POST', '/keys', { json });
  if (status !== 201) throw new Error(`key: ${status} ${bytes}`);
  return JSON.parse(bytes.toString()) as Key & { secret: string };
}

export async function keyOf(admin: RestClient, id: string): Promise<Key> {
  const { status, bytes } = await admin.call('GET', `/keys/${id}`);
  if (status !== 200) throw new Error(`key: ${status} ${bytes}`);
  return JSON.parse(bytes.toString()) as Key;
}

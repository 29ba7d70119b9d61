import type { ServiceKey } from '../../model/principal.ts';

export interface ServiceKeyQueries {
  find(id: string): Promise<ServiceKey | undefined>;
  list(): Promise<readonly ServiceKey[]>;
}

export interface ServiceKeyCommands {
  /** Rejects with AlreadyExists when the id is taken. */
  insert(key: ServiceKey): Promise<void>;
  revoke(id: string, at: number): Promise<boolean>;
  /** Notes a use, unless a later one is noted; `former` where the former secret was shown. */
  touch(id: string, use: { at: number; from: string | undefined; former: boolean }): Promise<void>;
  /** As find, and keeps others from changing the row until the transaction ends. */
  lock(id: string): Promise<ServiceKey | undefined>;
  /** Writes the present and the former secret. */
  rotate(id: string, secret: Pick<ServiceKey, 'secretHash' | 'former' | 'rotatedAt'>): Promise<void>;
}

import type { ServiceKey } from '../../model/principal.ts';

export interface ServiceKeyQueries {
  find(id: string): Promise<ServiceKey | undefined>;
  list(): Promise<readonly ServiceKey[]>;
}

export interface ServiceKeyCommands {
  /** Rejects with AlreadyExists when the id is taken. */
  insert(key: ServiceKey): Promise<void>;
  revoke(id: string, at: number): Promise<boolean>;
  touch(id: string, at: number): Promise<void>;
}

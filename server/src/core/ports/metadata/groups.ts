import type { Group } from '../../model/group.ts';

export interface GroupQueries {
  find(id: string): Promise<Group | undefined>;
  /** By name; there are few. At most `limit`. */
  list(limit: number): Promise<readonly Group[]>;
}

export interface GroupCommands {
  /** Rejects with AlreadyExists when the id or the name is taken. */
  insert(group: Group): Promise<void>;
  /** As find, and keeps others from changing the row until the transaction ends. */
  lock(id: string): Promise<Group | undefined>;
  /** Writes every field but id and createdAt. Rejects with AlreadyExists when the name is taken. */
  update(group: Group): Promise<void>;
  remove(id: string): Promise<boolean>;
}

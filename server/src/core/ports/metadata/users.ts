import type { User, UserAllowance } from '../../model/user.ts';

export interface UserQueries {
  find(id: string): Promise<User | undefined>;
  /** By `nameKeyOf`. */
  findByName(nameKey: string): Promise<User | undefined>;
  /** By `emailKeyOf`. */
  findByEmail(emailKey: string): Promise<User | undefined>;
  /** What an upload of the user needs to know; undefined for nobody. */
  allowance(id: string): Promise<UserAllowance | undefined>;
  /** In no particular order; absent ones are left out. At most 1000. */
  findMany(ids: readonly string[]): Promise<readonly User[]>;
  /** By id, ascending; `after` exclusive. */
  list(after: string | undefined, limit: number): Promise<readonly User[]>;
  /** Those whose name key begins so, by name key. */
  startingWith(nameKeyPrefix: string, limit: number): Promise<readonly User[]>;
  /** Members of a group by id, ascending; `after` exclusive. */
  ofGroup(groupId: string, after: string | undefined, limit: number): Promise<readonly User[]>;
  /** Administrators that are active, by id, up to a limit. */
  admins(limit: number): Promise<readonly User[]>;
  /** True when there is anybody. */
  any(): Promise<boolean>;
  /** How the password is kept; undefined for one without, and for nobody. */
  password(id: string): Promise<string | undefined>;
}

export interface UserCommands {
  /** Rejects with AlreadyExists when the id, the name or the e-mail address is taken. */
  insert(user: User, password: string | undefined): Promise<void>;
  /** As find, and keeps others from changing the row until the transaction ends. */
  lock(id: string): Promise<User | undefined>;
  /** Writes every field but id and createdAt. Rejects with AlreadyExists when the name or the e-mail address is taken. */
  update(user: User): Promise<void>;
  setPassword(id: string, password: string | undefined, at: number): Promise<void>;
  /** False when there is no active user of this id. */
  signedIn(id: string, at: number): Promise<boolean>;
  remove(id: string): Promise<boolean>;
}

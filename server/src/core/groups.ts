import type { AuditLog } from './audit/audit-log.ts';
import { OsproxyError } from './errors.ts';
import type { Caller, NewAuditEntry } from './model/audit.ts';
import type { Group } from './model/group.ts';
import { ownerOfUser } from './model/principal.ts';
import { checkName } from './names.ts';
import type { Clock } from './ports/clock.ts';
import type { IdSource } from './ports/ids.ts';
import type { Metadata, MetadataReader, MetadataWriter } from './ports/metadata.ts';

const MOST_GROUPS = 1000;
const MOST_NAME = 100;

export interface NewGroup {
  /** 1 to 100 characters; unique, whatever the case. */
  readonly name: string;
  /** Bytes, 0 or more. */
  readonly quotaBytes?: number | undefined;
  /** A configured store. */
  readonly store?: string | undefined;
}

/** What is left out stays; null takes away. */
export interface GroupChange {
  readonly name?: string | undefined;
  readonly quotaBytes?: number | null | undefined;
  readonly store?: string | null | undefined;
}

/** What holds for the uploads of a person; spread it into what core is asked to make. */
export interface Uploader {
  readonly owner: string;
  /** Name of the group, for rules of placement. */
  readonly group: string | undefined;
  readonly store: string | undefined;
}

/** Where the uploads of a person go, and what they may come to. */
export interface Allowance {
  readonly uploader: Uploader;
  /** Bytes that the person may have; undefined where neither they nor their group are limited. */
  readonly quota: number | undefined;
}

interface GroupsOptions {
  readonly metadata: Metadata;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly audit: AuditLog;
  /** Names of the configured stores. */
  readonly stores: readonly string[];
}

/** Groups of people. Who is in one is said by the user. */
export class Groups {
  readonly #options: GroupsOptions;

  constructor(options: GroupsOptions) {
    this.#options = options;
  }

  /** By name, at most a thousand. */
  list(): Promise<readonly Group[]> {
    return this.#options.metadata.groups.list(MOST_GROUPS);
  }

  /** Throws NotFound. */
  async find(id: string): Promise<Group> {
    const group = await this.#options.metadata.groups.find(id);
    if (group === undefined) throw noGroup(id);
    return group;
  }

  /** Throws InvalidArgument, and AlreadyExists where the name is taken. */
  async create(wanted: NewGroup, caller: Caller): Promise<Group> {
    const { metadata, ids, clock, audit } = this.#options;
    const now = clock.now();
    const { quotaBytes, store } = wanted;
    const group: Group = {
      ...{ id: ids.next(), name: this.#checkedName(wanted.name) },
      ...{ quotaBytes: checkedQuota(quotaBytes), store: this.#checkedStore(store) },
      ...{ createdAt: now, updatedAt: now },
    };
    await metadata.transaction(async (repositories) => {
      if ((await repositories.groups.list(MOST_GROUPS)).length >= MOST_GROUPS) throw tooMany();
      await repositories.groups.insert(group);
      await audit.note(repositories, caller, entry('group.created', group));
    });
    return group;
  }

  /** Holds from the next upload on. Throws NotFound, InvalidArgument, and AlreadyExists where the name is taken. */
  async change(id: string, change: GroupChange, caller: Caller): Promise<Group> {
    const { metadata, clock, audit } = this.#options;
    const { name, quotaBytes, store } = change;
    const checked = {
      ...(name === undefined ? {} : { name: this.#checkedName(name) }),
      ...(quotaBytes === undefined ? {} : { quotaBytes: checkedQuota(quotaBytes ?? undefined) }),
      ...(store === undefined ? {} : { store: this.#checkedStore(store ?? undefined) }),
    };
    return metadata.transaction(async (repositories) => {
      const before = await repositories.groups.lock(id);
      if (before === undefined) throw noGroup(id);
      const after = { ...before, ...checked, updatedAt: clock.now() };
      await repositories.groups.update(after);
      await audit.note(repositories, caller, entry('group.changed', after));
      return after;
    });
  }

  /** Throws NotFound, and Conflict while somebody is in it. */
  async delete(id: string, caller: Caller): Promise<void> {
    const { metadata, audit } = this.#options;
    await metadata.transaction(async (repositories) => {
      // Whoever is put into the group writes it as well.
      const group = await repositories.groups.lock(id);
      if (group === undefined) throw noGroup(id);
      const [member] = await repositories.users.ofGroup(id, undefined, 1);
      if (member !== undefined) {
        throw new OsproxyError(
          'Conflict',
          `The group "${group.name}" has members; give them another group or none first.`,
          { details: { id } },
        );
      }
      await repositories.groups.remove(id);
      await audit.note(repositories, caller, entry('group.deleted', group));
    });
  }

  /** What is said of the user comes before what is said of the group. */
  async allowanceOf({ users }: Pick<MetadataReader, 'users'>, userId: string): Promise<Allowance> {
    const { quotaBytes, group } = (await users.allowance(userId)) ?? {};
    return {
      uploader: { owner: ownerOfUser(userId), group: group?.name, store: group?.store },
      quota: quotaBytes ?? group?.quotaBytes,
    };
  }

  #checkedName(name: string): string {
    const trimmed = checkName(name.trim());
    if ([...trimmed].length <= MOST_NAME) return trimmed;
    throw bad('name', `The name of a group may have at most ${MOST_NAME} characters.`);
  }

  #checkedStore(store: string | undefined): string | undefined {
    const { stores } = this.#options;
    if (store === undefined || stores.includes(store)) return store;
    throw bad('store', `There is no store "${store}"; there are ${stores.join(', ')}.`);
  }
}

/**
 * To be called where somebody is put into a group, in that transaction: it cannot be deleted until the end, and who deletes it then sees the member, which on
 * snapshots needs that the row is written. Throws InvalidArgument for none.
 */
export async function holdGroup(
  { groups }: Pick<MetadataWriter, 'groups'>,
  groupId: string | undefined,
  now: number,
): Promise<void> {
  if (groupId === undefined) return;
  const group = await groups.lock(groupId);
  if (group === undefined) throw bad('groupId', `There is no group ${groupId}.`);
  await groups.update({ ...group, updatedAt: Math.max(now, group.updatedAt + 1) });
}

function checkedQuota(bytes: number | undefined): number | undefined {
  if (bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 0)) return bytes;
  throw bad('quotaBytes', 'A quota must be a whole number of bytes, 0 or more.');
}

function entry(
  action: 'group.created' | 'group.changed' | 'group.deleted',
  { id, name, quotaBytes, store }: Group,
): NewAuditEntry {
  return { action, subject: { kind: 'group', id }, detail: { name, quotaBytes, store } };
}

function bad(field: string, message: string): OsproxyError {
  return new OsproxyError('InvalidArgument', message, { details: { field } });
}

function noGroup(id: string): OsproxyError {
  return new OsproxyError('NotFound', `There is no group ${id}.`, { details: { id } });
}

function tooMany(): OsproxyError {
  return new OsproxyError('Conflict', `There are ${MOST_GROUPS} groups already, which is the most.`);
}

/** Queries that may walk an index or a table from one end, with what they are for. */
export const WALKS = new Map([
  ['from "service_keys" order by', 'the list of keys, which are few'],
  ['from "messages" order by "id" desc limit', 'the last row'],
  ['from "tasks" order by "created_at" desc', 'the newest tasks, up to a limit'],
  ['from "task_types" order by', 'the types of tasks, which are few'],
  ['"files" where "state" in (?, ?, ?) order by "uid" desc', 'the newest files of all owners, up to a limit'],
  [
    '"files" where "state" in (?, ?, ?) and substr(name',
    'a search by name over all owners, for administrators',
  ],
  ['from "nodes" where', 'the nodes, which are few'],
  ['from "event_sinks" order by', 'the list of sinks, which are few'],
  ['from "events" order by "position" desc limit', 'the last row'],
  ['from "event_inbox" order by "serial" limit', 'what waits for its position, which is soon removed'],
  [
    'from "event_deliveries" group by',
    'counts of what receivers did not take, for administrators and metrics',
  ],
  ['update "scrubs" set "requested_at"', 'a row per store and node, which are few'],
  ['from "scrubs" order by', 'a row per store and node, which are few'],
  ['from "scrub_findings" order by "blob_id" limit', 'what is wrong in the stores, up to a limit'],
  ['from "scrub_findings" group by', 'counts of what is wrong in the stores, for administrators and metrics'],
  ['delete from "usage_sources" where', 'a row per process of the last week'],
  ['from "file_holds" limit', 'counts of held files, up to a limit, for metrics'],
  ['from "file_holds" order by', 'the oldest held files, up to a limit'],
  ['from "moves" order by "id" desc limit', 'the newest moves, up to a limit'],
  ['from "users" limit', 'whether there is any'],
  ['from "user_groups" order by', 'the list of groups, which are few'],
  ['from "audit" order by', 'the newest entries of the audit log, up to a limit'],
  ['"audit" where "action" like', 'the newest entries of a group of actions, up to a limit'],
]);

/** Tables that stay small however much is stored. */
export const SMALL_TABLES = [
  'event_inbox',
  'nodes',
  'leases',
  'service_keys',
  'moves',
  'move_failures',
  'store_marks',
  'schema_migrations',
  'event_sinks',
  'scrubs',
  'task_types',
  'usage_sources',
  'user_groups',
  'given_names',
];

/** Either leads to the tasks of one type and state. */
const OF_TYPE = 'tasks_type_state_priority_run_at|tasks_type_state_created_at';

/**
 * How plans of the three databases say that an index is entered where a page begins, not at one end of what an owner or a store has. MariaDB does so by
 * itself on tables as small as here and not on large ones, so there the query itself must say it.
 */
const BEGINS =
  /\b(uid<|blob_id>|id<)\?|"Index Cond":"[^"]*\b(uid <|blob_id >|id <)|force index .*"type":"range"/;

/** The same for pages of folders and of lists by time. */
const ENTERED =
  /\b(name_key|size|modified_at|trashed_at|starred_at)[<>]=?\?|"Index Cond":"[^"]*\b(name_key|size|modified_at|trashed_at|starred_at)\)?(::\w+)? [<>]|force index .*"type":"range"/;

/**
 * Queries that pages, sweeps and claims are made of, and the index each must use, so that it reads what it answers and no more however much is
 * stored. Written without quotes of names and parameters.
 */
const BY_INDEX: readonly (readonly [string, string, RegExp?])[] = [
  ['from files where state in (, , ) and owner =  order by uid', 'files_owner_uid'],
  ['from files where state in (, , ) and owner =  and uid <  order by uid', 'files_owner_uid', BEGINS],
  ['from files where state in (, , ) and owner =  and uid <  and substr(', 'files_owner_uid', BEGINS],
  ['from files where deleted_at <= ', 'files_deleted_at'],
  ['from file_holds where uid >= ', 'file_holds_key|sqlite_autoindex_file_holds_1|PRIMARY'],
  ['from manifests where idle_since <= ', 'manifests_idle_since'],
  ['from blobs where idle_since <= ', 'blobs_idle_since'],
  // SQLite names the index of a unique constraint itself.
  ['where blobs.identity = ', 'blobs_identity|sqlite_autoindex_blobs_1'],
  ['from placements inner join blobs', 'placements_store_blob_id', BEGINS],
  ['from placements where retired_at <= ', 'placements_retired_at'],
  ['from placements where doomed_at <= ', 'placements_doomed_at'],
  ['from uploads where state =  and expires_at <= ', 'uploads_state_expires_at'],
  ['from uploads where ended_at <= ', 'uploads_ended_at'],
  ['from links where uid =  and revoked_at is null and expires_at > ', 'links_uid_created_at'],
  ['from links where expires_at <= ', 'links_expires_at'],
  ['from shares where key_hash = ', 'shares_key_hash|sqlite_autoindex_shares_1'],
  ['from shares where user_id =  and id < ', 'shares_user_id_id', BEGINS],
  ['from shares where entry_id =  and id < ', 'shares_entry_id_id', BEGINS],
  ['from share_visits where until <= ', 'share_visits_until'],
  ['from share_tries where until <= ', 'share_tries_until'],
  ['from drive_tickets where expires_at <= ', 'drive_tickets_expires_at'],
  ['from idempotency where created_at <= ', 'idempotency_created_at'],
  [
    'from tasks where type =  and state =  and priority =  order by run_at',
    'tasks_type_state_priority_run_at',
  ],
  [
    'from tasks where type =  and state =  and priority =  and run_at <= ',
    'tasks_type_state_priority_run_at',
  ],
  ['from tasks where type =  and state =  and lease_until <= ', OF_TYPE],
  ['from tasks where type =  and state =  limit ', OF_TYPE],
  ['from tasks where type =  and state =  order by created_at', 'tasks_type_state_created_at'],
  ['from tasks where type =  and state =  and created_at <= ', 'tasks_type_state_created_at'],
  ['from tasks where state =  and created_at <= ', 'tasks_state_created_at'],
  ['from tasks where created_at <= ', 'tasks_created_at'],
  ['from tasks where ended_at <= ', 'tasks_ended_at'],
  ['from messages where at <= ', 'messages_at'],
  ['from audit where at <=  order by at', 'audit_at'],
  ['from audit where actor_id =  order by at', 'audit_actor'],
  ['from audit where actor_id =  and at <= ', 'audit_actor'],
  ['from audit where actor_id =  and at >=  and at < ', 'audit_actor'],
  ['from audit where action = ', 'audit_action'],
  ['from audit where subject_id = ', 'audit_subject'],
  ['from audit where address = ', 'audit_address'],
  ['from users where id > ', 'users_pkey|INTEGER PRIMARY KEY|PRIMARY'],
  ['from users where name_key = ', 'users_name_key|sqlite_autoindex_users_1'],
  ['from users where name_key >= ', 'users_name_key|sqlite_autoindex_users_1'],
  ['from users where email_key = ', 'users_email_key|sqlite_autoindex_users_2'],
  ['from users where group_id = ', 'users_group_id_id'],
  ['from users where role = ', 'users_role_state_id'],
  ['from sessions where user_id = ', 'sessions_user_id_id'],
  ['from sessions where expires_at <= ', 'sessions_expires_at'],
  ['from refresh_tokens where expires_at <= ', 'refresh_tokens_expires_at'],
  ['from identities where provider = ', 'identities_subject|sqlite_autoindex_identities_1'],
  ['from identities where user_id = ', 'identities_user'],
  ['from pending_sign_ins where expires_at <= ', 'pending_sign_ins_expiry'],
  ['from sign_in_codes where expires_at <= ', 'sign_in_codes_expiry'],
  ['from one_time_tokens where kind = ', 'one_time_tokens_kind_id'],
  ['from one_time_tokens where expires_at <= ', 'one_time_tokens_expires_at'],
  ['from sign_in_attempts where until <= ', 'sign_in_attempts_until'],
  ['from possession_challenges where expires_at <= ', 'possession_challenges_expires_at'],
  ...['name_key', 'size', 'modified_at'].map((column, i): [string, string, RegExp] => {
    const index = ['entries_by_name', 'entries_by_size', 'entries_by_time'][i] ?? '';
    return [`from entries where live_parent =  and kind =  and ${column} `, index, ENTERED];
  }),
  ['from entries where live_parent =  and kind =  order by', 'entries_by_(name|size|time)'],
  ['from entries where live_parent =  and name_key > ', 'entries_name'],
  ['from entries where live_parent =  and name_key = ', 'entries_name'],
  ['from entries where user_id =  and trashed_at <= ', 'entries_trashed', ENTERED],
  ['from entries where user_id =  and starred_at <= ', 'entries_starred', ENTERED],
  ['from entries where user_id =  and modified_at <= ', 'entries_recent', ENTERED],
  ['from entries where trashed_at <= ', 'entries_trashed_at'],
  ['from entries where file_uid = ', 'entries_file'],
  ['from entries where file_uid in ', 'entries_file'],
  ['from entry_versions where file_uid in ', 'entry_versions_file'],
  ['from entries where user_id =  and kind = ', 'entries_recent'],
  ['from drives where user_id > ', 'drives_pkey|INTEGER PRIMARY KEY|PRIMARY'],
  ['from drive_uploads where user_id = ', 'drive_uploads_user'],
  ['from drive_jobs where ended_at is null', 'drive_jobs_ended'],
  ['from drive_jobs where ended_at <= ', 'drive_jobs_ended'],
];

/** A query without what databases write differently: quotes and parameters. */
export function plain(sql: string): string {
  return sql.replaceAll(/\$\d+|\?|[`"]/g, '').replaceAll(/ as (\w+) force index \(\w+\)/g, '');
}

/** Queries of BY_INDEX whose plan, by plain query, names another index or enters it elsewhere, and those that were never asked. */
export function wrongIndexes(plans: ReadonlyMap<string, string>): readonly string[] {
  return BY_INDEX.flatMap(([part, index, begins = /^/]) => {
    const asked = [...plans].filter(([sql]) => sql.includes(part));
    if (asked.length === 0) return [`never asked: ${part}`];
    const named = new RegExp(`\\b(${index})\\b`);
    return asked
      .filter(([, plan]) => !named.test(plan) || !begins.test(plan))
      .map(([sql, plan]) => `${sql}: ${plan}`);
  });
}

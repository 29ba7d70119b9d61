const EVERYTHING = ['rest', 'osproxy-v0', 'access', 'clients', 'operation', 'quarantine'] as const;

/** Of several stores and several nodes, what rests most on the database. */
const RECORDS = [
  'accounts',
  'stores/two-processes',
  'stores/write-back',
  'cluster/peers',
  'cluster/away',
] as const;

/** What people and administrators have; no store makes a difference to it. */
const PEOPLE = ['admin', 'drive', 'shares', 'filestore', 'finding'] as const;

/** Folders and files of test/e2e that run again in a profile; see test/README.md. */
export const PROFILES = {
  /** Files of a service on Ceph RGW instead of a folder. */
  ceph: EVERYTHING,
  /** Records of a service in PostgreSQL or MariaDB instead of SQLite. */
  postgres: [...EVERYTHING, ...RECORDS, ...PEOPLE],
  mariadb: [...EVERYTHING, ...RECORDS, ...PEOPLE],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type ProfileName = keyof typeof PROFILES;

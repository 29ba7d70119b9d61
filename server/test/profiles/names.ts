/** Folders of test/e2e whose files run again in a profile; see test/README.md. */
export const PROFILES = {
  /** Files of a service on Ceph RGW instead of a folder. */
  ceph: ['rest', 'osproxy-v0', 'access', 'clients', 'operation'],
  /** Records of a service in PostgreSQL or MariaDB instead of SQLite. */
  postgres: ['rest', 'osproxy-v0', 'access', 'clients', 'operation', 'cluster'],
  mariadb: ['rest', 'osproxy-v0', 'access', 'clients', 'operation', 'cluster'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type ProfileName = keyof typeof PROFILES;

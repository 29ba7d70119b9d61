/** Folders of test/e2e whose files run again in a profile; see test/README.md. */
export const PROFILES = {
  /** Files of a service on Ceph RGW instead of a folder. */
  ceph: ['rest', 'osproxy-v0', 'access', 'clients', 'operation'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type ProfileName = keyof typeof PROFILES;

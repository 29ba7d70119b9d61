/** People who share a quota and a rule where their files go. */
export interface Group {
  /** Decimal, as IdSource makes it. */
  readonly id: string;
  /** Unique by `groupKeyOf`. */
  readonly name: string;
  /** Bytes for each member who has no quota of their own; undefined: what the installation says. */
  readonly quotaBytes: number | undefined;
  /** Store that uploads of members go to; undefined: the rules of placement decide. */
  readonly store: string | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Two names of groups are the same when this is the same. */
export function groupKeyOf(name: string): string {
  return name.normalize('NFKC').toLowerCase().normalize('NFKC');
}

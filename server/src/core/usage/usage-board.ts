import { OsproxyError } from '../errors.ts';
import type { ServicePrincipal } from '../model/principal.ts';
import type { UsageDimension, UsageTotal } from '../model/usage.ts';
import type { Metadata } from '../ports/metadata.ts';

const MOST_DAYS = 3660;
const MOST_TOTALS = 10_000;

export interface UsageQuestion {
  /** Days since the epoch in UTC, both inclusive. */
  readonly from: number;
  readonly to: number;
  readonly by: readonly UsageDimension[];
  readonly owner?: string | undefined;
  /** What this key moved alone. */
  readonly key?: string | undefined;
}

/** What was uploaded and downloaded, read from the database: some seconds behind at most. */
export class UsageBoard {
  readonly #metadata: Pick<Metadata, 'usage'>;

  constructor(metadata: Pick<Metadata, 'usage'>) {
    this.#metadata = metadata;
  }

  /** Of all owners, or of one. Throws InvalidArgument for days the wrong way round, and for more totals than one answer has. */
  async totals({ from, to, by, owner, key }: UsageQuestion): Promise<readonly UsageTotal[]> {
    if (to < from || to - from > MOST_DAYS) {
      const what = to < from ? 'ends before it begins' : `is longer than ${MOST_DAYS} days`;
      throw new OsproxyError('InvalidArgument', `The range of days ${what}.`, { details: { field: 'to' } });
    }
    const found = await this.#metadata.usage.totals({ from, to, owner, key }, by, MOST_TOTALS + 1);
    if (found.length <= MOST_TOTALS) return found;
    throw new OsproxyError(
      'InvalidArgument',
      `That makes more than ${MOST_TOTALS} totals; ask for fewer days, or by fewer things.`,
      { details: { field: 'by' } },
    );
  }

  /** What the principal may see: files of its own owner, for a key that sees some names only what it moved itself, everything for an administrator. */
  totalsFor(principal: ServicePrincipal, question: UsageQuestion): Promise<readonly UsageTotal[]> {
    const isAdmin = principal.scopes.has('admin');
    if (!isAdmin && question.owner !== undefined && question.owner !== principal.owner)
      throw new OsproxyError('PermissionDenied', 'This service key may see the usage of its own owner only.');
    const key = principal.namePrefix === undefined ? undefined : principal.keyId;
    return this.totals({ ...question, key, owner: isAdmin ? question.owner : principal.owner });
  }
}

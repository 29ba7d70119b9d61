import type { ScrubBody } from '#frontends/rest/scrub-schemas.ts';
import type { RestClient } from '#test/e2e/rest/client.ts';
import { until } from '#test/e2e/stores/two-stores.ts';

/** Whose client may be another one after a restart. */
interface Scrubbed {
  readonly client: RestClient;
}

export async function scrubReport({ client }: Scrubbed): Promise<ScrubBody> {
  return (await client.call('GET', '/scrub')).json as unknown as ScrubBody;
}

/** Resolves when this round has ended in every store; before the first has begun no store is listed. */
export function scrubEnded(place: Scrubbed, round: number): Promise<void> {
  return until(`round ${round} has ended everywhere`, async () => {
    const { stores } = await scrubReport(place);
    return stores.length > 0 && stores.every((one) => one.round >= round && one.endedAt !== undefined);
  });
}

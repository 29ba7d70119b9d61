import { postgresEngine } from '#drivers/metadata/dialects/postgres/engine.ts';
import { parseAddress } from '#drivers/metadata/dialects/server/address.ts';
import { withService } from '#test/services/shared.ts';
import { plansContract } from './metadata-plans.ts';
import { postgresDatabase, SERVER_OPTIONS } from './metadata-servers.ts';

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Plans?: readonly PlanNode[];
}

await withService('postgres', (access) =>
  plansContract({
    name: 'PostgreSQL',
    createDatabase: () => postgresDatabase(access),
    engine: async (url) => postgresEngine(parseAddress(url), SERVER_OPTIONS),
    // As on a solid disk; tables this small would else be read whole for a join of a few rows.
    prepare: ['vacuum (analyze)', 'set random_page_cost = 1.1'],
    explain: 'explain (format json)',
    walks: (rows) => {
      const [row] = rows as { 'QUERY PLAN': { Plan: PlanNode }[] }[];
      const plan = row?.['QUERY PLAN'][0]?.Plan;
      return plan === undefined ? [] : walksOf(plan);
    },
  }),
);

function walksOf(node: PlanNode): { table: string; how: string }[] {
  const { 'Node Type': how, 'Relation Name': table = '' } = node;
  const scans = how === 'Seq Scan' || (/^Index (Only )?Scan/.test(how) && node['Index Cond'] === undefined);
  return [...(scans ? [{ table, how }] : []), ...(node.Plans ?? []).flatMap(walksOf)];
}

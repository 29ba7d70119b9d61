import type { ClusterView } from '#core/cluster/cluster-overview.ts';
import { type Command, UsageError } from './command.ts';
import { mustBeMigrated, withService } from './open.ts';
import { table, timeText } from './table.ts';

export const cluster: Command = {
  name: 'cluster',
  usage: 'cluster status',
  summary: 'Shows the nodes, which of them leads the schedules, the tasks they run and the stores.',
  details: [
    '  status           what the nodes last said about themselves',
    '    --json         print JSON',
    '',
    'Exit code: 1 when a node is silent or a store is failing.',
  ],
  options: { json: { type: 'boolean' } },
  maxWords: 1,
  async run([action], options, context) {
    if (action !== 'status')
      throw new UsageError('"osproxy cluster" needs the word status; see "osproxy cluster --help".');
    return withService(context, async (service) => {
      await mustBeMigrated(service);
      const view = await service.cluster.status();
      context.print(options.json === true ? JSON.stringify(view, null, 2) : textOf(view));
      return isWell(view) ? 0 : 1;
    });
  },
};

function isWell({ nodes, stores }: ClusterView): boolean {
  return (
    nodes.every(({ isAlive }) => isAlive) &&
    stores.every((store) => store.nodes.every(({ failure }) => failure === undefined))
  );
}

function textOf({ nodes, tasks, stores }: ClusterView): string {
  if (nodes.length === 0) return 'There are no nodes; start one with "osproxy serve".';
  const nodeRows = nodes.map((node) => [
    node.id,
    node.isAlive ? 'alive' : `silent since ${timeText(node.heartbeatAt)}`,
    node.leads ? 'leads schedules' : '',
    node.address,
    node.version,
    timeText(node.startedAt),
    String(node.load?.transfers ?? ''),
    String(node.load?.tasks ?? ''),
    node.load === undefined ? '' : `${node.load.eventLoopDelayMs} ms`,
  ]);
  const header = ['NODE', 'STATE', '', 'ADDRESS', 'VERSION', 'STARTED', 'TRANSFERS', 'TASKS', 'DELAY'];
  const storeRows = stores.flatMap((store) =>
    store.nodes.map(({ id, isAlive, failure }) => [
      store.name,
      store.nodeLocal ? 'node-local' : 'shared',
      id,
      isAlive ? (failure ?? 'ok') : 'away',
    ]),
  );
  const taskRows = tasks.map(({ id, type, node = '', attempts, leaseUntil }) => [
    ...[id, type, node, String(attempts), timeText(leaseUntil)],
  ]);
  return [
    table(header, nodeRows),
    '',
    table(['STORE', 'KIND', 'NODE', 'STATE'], storeRows),
    '',
    tasks.length === 0
      ? 'No task is running.'
      : table(['TASK', 'TYPE', 'NODE', 'ATTEMPT', 'LEASE UNTIL'], taskRows),
  ].join('\n');
}

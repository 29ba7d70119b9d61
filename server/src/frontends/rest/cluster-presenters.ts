import type { ClusterView, NodeView } from '#core/cluster/cluster-overview.ts';
import type { NodeBody } from './cluster-schemas.ts';

export function clusterBody({ nodes, tasks, stores }: ClusterView) {
  return {
    nodes: nodes.map(nodeBody),
    tasks: tasks.map(({ id, type, node = '', attempts, leaseUntil }) => ({
      ...{ id, type, node, attempts },
      ...(leaseUntil === undefined ? {} : { leaseUntil: iso(leaseUntil) }),
    })),
    stores: stores.map((store) => ({
      name: store.name,
      nodeLocal: store.nodeLocal,
      nodes: store.nodes.map(({ id, isAlive, failure }) => {
        if (!isAlive) return { id, state: 'away' as const };
        return failure === undefined
          ? { id, state: 'ok' as const }
          : { id, state: 'failing' as const, code: failure };
      }),
    })),
  };
}

function nodeBody(node: NodeView): NodeBody {
  return {
    id: node.id,
    address: node.address,
    version: node.version,
    state: node.isAlive ? 'alive' : 'silent',
    leadsSchedules: node.leads,
    startedAt: iso(node.startedAt),
    heardAt: iso(node.heartbeatAt),
    ...(node.load === undefined ? {} : { load: { ...node.load } }),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

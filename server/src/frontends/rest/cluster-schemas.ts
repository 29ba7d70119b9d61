import { type Static, Type } from 'typebox';
import { ref } from './schemas.ts';

function time(description: string) {
  return Type.String({ format: 'date-time', description });
}

const NodeBody = Type.Object(
  {
    id: Type.String(),
    address: Type.String({ description: 'Where the other nodes reach it.' }),
    version: Type.String(),
    state: Type.Enum(['alive', 'silent'], {
      description: 'silent: nothing was heard of it for more than half a minute.',
    }),
    leadsSchedules: Type.Boolean({
      description: 'True for the node that adds and runs the recurring tasks.',
    }),
    startedAt: time('UTC.'),
    heardAt: time('Last sign of life. UTC.'),
    load: Type.Optional(
      Type.Object({
        transfers: Type.Integer({ description: 'Uploads and downloads that are under way.' }),
        tasks: Type.Integer({ description: 'Background tasks that run on it.' }),
        eventLoopDelayMs: Type.Number({ description: 'How late its timers fire, 99th percentile.' }),
      }),
    ),
  },
  { $id: 'Node', description: 'A process that serves requests.' },
);

const RunningTask = Type.Object({
  id: Type.String(),
  type: Type.String(),
  node: Type.String(),
  attempts: Type.Integer(),
  leaseUntil: Type.Optional(time('Another node takes it over then, unless this one goes on. UTC.')),
});

const ClusterStoreBody = Type.Object({
  name: Type.String(),
  nodeLocal: Type.Boolean({ description: 'True when each node has its own bytes in it.' }),
  nodes: Type.Array(
    Type.Object({
      id: Type.String(),
      state: Type.Enum(['ok', 'failing', 'away'], { description: 'away: its node is silent.' }),
      code: Type.Optional(Type.String({ description: 'Why it is failing.' })),
    }),
    { description: 'The nodes that have it, with how it answers there.' },
  ),
});

export const ClusterBody = Type.Object(
  { nodes: Type.Array(ref(NodeBody)), tasks: Type.Array(RunningTask), stores: Type.Array(ClusterStoreBody) },
  { $id: 'Cluster', description: 'The nodes, what they work on and the stores as they find them.' },
);
export type ClusterBody = Static<typeof ClusterBody>;
export type NodeBody = Static<typeof NodeBody>;

export const CLUSTER_SCHEMAS = [NodeBody, ClusterBody];

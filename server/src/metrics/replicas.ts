import { OsproxyError } from '#core/errors.ts';
import type { ReplicaSet, ReplicaState } from '#core/ports/metadata/replicas.ts';
import type { PrometheusTelemetry } from '#drivers/telemetry/prometheus.ts';

/** What the service tells about the replicas of its database; by number, since an address is nobody else's business. */
export function addReplicaMetrics(telemetry: PrometheusTelemetry, replicas: ReplicaSet): void {
  const each = (wanted: (state: ReplicaState) => number | undefined) => async () =>
    replicas.states.flatMap((state) => {
      const value = wanted(state);
      return value === undefined ? [] : [{ labels: { replica: String(state.number) }, value }];
    });
  telemetry.addGauge({
    name: 'osproxy_database_replica_up',
    help: '1 while the replica of the database answers, by its place in database.replicas from 1 on.',
    labels: ['replica'],
    collect: each(({ isUp }) => Number(isUp)),
  });
  telemetry.addGauge({
    name: 'osproxy_database_replica_used',
    help: '1 while reads go to the replica, 0 while it is away or too far behind and the primary is read instead.',
    labels: ['replica'],
    collect: each(({ isUsed }) => Number(isUsed)),
  });
  telemetry.addGauge({
    name: 'osproxy_database_replica_lag_seconds',
    help: 'How far the replica may be behind; up to about a second where nothing is wrong.',
    labels: ['replica'],
    collect: each(({ lagMs }) => (lagMs === undefined ? undefined : lagMs / 1000)),
  });
}

/** For readiness: the service does without replicas, only with more work for the primary. */
export function replicaReadiness(replicas: ReplicaSet) {
  return {
    name: 'database-replicas',
    optional: true,
    check: async () => {
      const away = replicas.states.filter(({ isUsed }) => !isUsed);
      if (away.length === 0) return;
      const which = away.map(({ number, isUp }) => `${number} is ${isUp ? 'too far behind' : 'away'}`);
      throw new OsproxyError('Unavailable', `Replica ${which.join(', ')}; the primary is read instead.`);
    },
  };
}

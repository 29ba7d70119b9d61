import type { Metadata } from '#core/ports/metadata.ts';
import type { TaskBoard, TaskTypeStanding } from '#core/task-board.ts';
import type { PrometheusTelemetry } from '#drivers/telemetry/prometheus.ts';

/** Metrics are read every few seconds, and a history of tasks may have millions. */
const TASKS_COUNTED = 10_000;

const GAUGES = [
  [
    'osproxy_task_type_paused',
    '1 for a type of tasks of which none starts, else 0.',
    ({ pausedAt }: TaskTypeStanding) => (pausedAt === undefined ? 0 : 1),
  ],
  [
    'osproxy_task_oldest_waiting_seconds',
    'How long the task of a type that waits longest has been due; 0 when none waits.',
    ({ waitingSince }: TaskTypeStanding, now: number) =>
      waitingSince === undefined ? 0 : Math.max(0, now - waitingSince) / 1000,
  ],
] as const;

/** What is known of background work in the whole cluster; every node says the same. */
export function addTaskMetrics(
  telemetry: PrometheusTelemetry,
  { metadata, tasks, now }: { metadata: Metadata; tasks: TaskBoard; now: () => number },
): void {
  telemetry.addGauge({
    name: 'osproxy_tasks',
    help: `Background tasks by type and state, each counted up to ${TASKS_COUNTED}.`,
    labels: ['type', 'state'],
    collect: async () => {
      const counts = await metadata.relaxed.tasks.counts(TASKS_COUNTED);
      return counts.map(({ type, state, count }) => ({ labels: { type, state }, value: count }));
    },
  });
  for (const [name, help, read] of GAUGES) {
    telemetry.addGauge({
      name,
      help,
      labels: ['type'],
      collect: async () =>
        (await tasks.standing()).map((view) => ({ labels: { type: view.type }, value: read(view, now()) })),
    });
  }
}

import { OsproxyError } from '#core/errors.ts';
import type { RabbitTaskPush } from '#drivers/task-push/rabbitmq-task-push.ts';
import type { PrometheusTelemetry } from '#drivers/telemetry/prometheus.ts';

/** What the process counts of hints by a broker, where there is one. */
export function addTaskPushMetrics(telemetry: PrometheusTelemetry, push: RabbitTaskPush): void {
  telemetry.addGauge({
    name: 'osproxy_task_push_up',
    help: '1 while processes are told of tasks by the broker, 0 while they look into the database alone.',
    labels: [],
    collect: async () => [{ labels: {}, value: push.up ? 1 : 0 }],
  });
  telemetry.addCounter({
    name: 'osproxy_task_hints_total',
    help: 'Hints of tasks that the broker took (announced), that came (received), and messages that named no task (dead).',
    labels: ['what'],
    collect: async () => Object.entries(push.counts).map(([what, value]) => ({ labels: { what }, value })),
  });
}

/** Nothing is lost without it, tasks are only found later. */
export function taskPushCheck(push: RabbitTaskPush | undefined) {
  if (push === undefined) return [];
  const check = async () => {
    if (!push.up) throw new OsproxyError('Unavailable', 'Tasks are found in the database alone.');
  };
  return [{ name: 'rabbitmq', optional: true, check }];
}

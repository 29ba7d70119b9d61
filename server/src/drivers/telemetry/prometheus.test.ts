import { expect, it } from 'vitest';
import { PrometheusTelemetry } from './prometheus.ts';

async function lines(telemetry: PrometheusTelemetry): Promise<string[]> {
  return (await telemetry.text()).split('\n');
}

it('counts what it is told', async () => {
  const telemetry = new PrometheusTelemetry();
  telemetry.httpRequest('GET', '/files/:uid', 200, 0.02);
  telemetry.httpRequest('GET', '/files/:uid', 200, 3);
  telemetry.httpRequest('BREW', '/files/:uid', 405, 0.001);
  telemetry.storageOperation('main', 'put', 'ok', 0.01);
  telemetry.storageOperation('main', 'put', 'Unavailable', 0.5);
  telemetry.taskAttempt('compose', 'done', 2);
  telemetry.transferred('in', 100);
  telemetry.transferred('out', 7);
  telemetry.transferred('out', 0);
  const end = telemetry.transferOpened('out');
  telemetry.transferOpened('out');
  end();
  end();
  const text = await lines(telemetry);
  expect(text).toEqual(
    expect.arrayContaining([
      'osproxy_http_requests_total{method="GET",route="/files/:uid",status="200"} 2',
      'osproxy_http_requests_total{method="other",route="/files/:uid",status="405"} 1',
      'osproxy_http_request_seconds_bucket{le="0.025",method="GET",route="/files/:uid"} 1',
      'osproxy_http_request_seconds_count{method="GET",route="/files/:uid"} 2',
      'osproxy_storage_operations_total{store="main",operation="put",outcome="ok"} 1',
      'osproxy_storage_operations_total{store="main",operation="put",outcome="Unavailable"} 1',
      'osproxy_storage_operation_seconds_count{store="main",operation="put"} 2',
      'osproxy_task_attempts_total{type="compose",outcome="done"} 1',
      'osproxy_task_attempt_seconds_count{type="compose"} 1',
      'osproxy_transferred_bytes_total{direction="in"} 100',
      'osproxy_transferred_bytes_total{direction="out"} 7',
      'osproxy_open_transfers{direction="in"} 0',
      'osproxy_open_transfers{direction="out"} 1',
    ]),
  );
  expect(text.some((line) => line.startsWith('nodejs_eventloop_lag_p99_seconds '))).toBe(true);
  expect(telemetry.contentType).toContain('text/plain');
});

it('computes gauges when asked, and survives one that fails', async () => {
  const telemetry = new PrometheusTelemetry();
  let pending = 3;
  telemetry.addGauge({
    name: 'osproxy_tasks',
    help: 'Tasks by state.',
    labels: ['state'],
    collect: async () => (pending > 0 ? [{ labels: { state: 'pending' }, value: pending }] : []),
  });
  telemetry.addGauge({
    name: 'broken_async',
    help: 'x',
    labels: [],
    collect: async () => Promise.reject(new Error('database is away')),
  });
  telemetry.addGauge({
    name: 'broken_at_once',
    help: 'x',
    labels: [],
    collect: () => {
      throw new Error('x');
    },
  });
  expect(await lines(telemetry)).toContain('osproxy_tasks{state="pending"} 3');
  pending = 0;
  expect((await telemetry.text()).includes('osproxy_tasks{')).toBe(false);
});

it('keeps to itself', async () => {
  const one = new PrometheusTelemetry();
  const other = new PrometheusTelemetry();
  one.transferred('in', 5);
  expect(await lines(other)).toContain('osproxy_transferred_bytes_total{direction="in"} 0');
});

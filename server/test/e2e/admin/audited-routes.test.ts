import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AUDIT_ACTIONS } from '#core/model/audit.ts';
import { type RunningService, startService } from '../service.ts';

const REPORT = new URL('../access/report-routes.ts', import.meta.url).href;

/** Every route of administrators that changes something, with the actions it is noted by. */
const NOTED: Readonly<Record<string, readonly (typeof AUDIT_ACTIONS)[number][]>> = {
  'DELETE /api/v1/event-sinks/:name/parked': ['sink.discarded'],
  'POST /api/v1/event-sinks/:name/disable': ['sink.disabled'],
  'POST /api/v1/event-sinks/:name/enable': ['sink.enabled'],
  'POST /api/v1/event-sinks/:name/redrive': ['sink.redriven'],
  'POST /api/v1/files/:uid/reject': ['hold.rejected'],
  'POST /api/v1/files/:uid/release': ['hold.released'],
  'POST /api/v1/groups': ['group.created'],
  'PATCH /api/v1/groups/:id': ['group.changed'],
  'DELETE /api/v1/groups/:id': ['group.deleted'],
  'POST /api/v1/keys': ['key.created'],
  'DELETE /api/v1/keys/:id': ['key.revoked'],
  'POST /api/v1/keys/:id/rotate': ['key.rotated'],
  'POST /api/v1/media/redrive': ['media.redriven'],
  'POST /api/v1/moves': ['move.created'],
  'POST /api/v1/moves/:id/cancel': ['move.cancelled'],
  'POST /api/v1/moves/:id/pause': ['move.paused'],
  'POST /api/v1/moves/:id/resume': ['move.resumed'],
  'POST /api/v1/scrub': ['scrub.started'],
  'POST /api/v1/task-types/:type/pause': ['task-type.paused'],
  'POST /api/v1/task-types/:type/resume': ['task-type.resumed'],
  'POST /api/v1/tasks': ['task.submitted'],
  'POST /api/v1/tasks/:id/cancel': ['task.cancelled'],
  'POST /api/v1/tasks/:id/retry': ['task.retried'],
  'POST /api/v1/users': ['user.created'],
  'PATCH /api/v1/users/:id': ['user.changed'],
  'DELETE /api/v1/users/:id': ['user.deleted'],
  'POST /api/v1/users/:id/password': ['password.changed'],
  'POST /api/v1/users/:id/sign-out': ['session.ended'],
  'POST /api/v1/users/:id/password-reset': ['password.reset-asked'],
  'DELETE /api/v1/users/:id/second-factor': ['second-factor.disabled'],
  'POST /api/v1/invites': ['user.invited'],
  'DELETE /api/v1/invites/:id': ['user.uninvited'],
};

let service: RunningService;
beforeAll(async () => {
  service = await startService({ env: { NODE_OPTIONS: `--import ${REPORT}` } });
});
afterAll(() => service?.close());

test('no route of administrators that changes something is missing', () => {
  const line = service.lines.find((one) => one.startsWith('{"routes":')) ?? '{}';
  const { changing } = JSON.parse(line) as { changing: string[] };
  expect(changing.length).toBeGreaterThan(25);
  expect(changing.filter((route) => NOTED[route] === undefined)).toEqual([]);
});

import type { FastifyReply, FastifyRequest } from 'fastify';
import { expect, it } from 'vitest';
import { OsproxyError } from '#core/errors.ts';
import { Exchange } from './exchange.ts';

const exchange = () =>
  new Exchange(
    { raw: { socket: {} }, ip: '::1' } as unknown as FastifyRequest,
    {} as FastifyReply,
    () => false,
  );
const reason = new OsproxyError('Unavailable', 'x');

it('fires its signal with the first reason, whenever the signal was made', () => {
  const early = exchange();
  const { signal } = early;
  early.abort(reason);
  early.abort(new OsproxyError('Cancelled', 'later'));
  expect(signal.reason).toBe(reason);
  const late = exchange();
  late.abort(reason);
  expect(late.signal.reason).toBe(reason);
});

it('does not fire after a complete answer, and tells listeners once in any case', () => {
  const done = exchange();
  let told = 0;
  done.onGone(() => {
    told += 1;
  });
  expect(done.finish(true)).toBe(true);
  expect(done.finish(false)).toBe(false);
  done.abort(reason);
  expect([done.signal.aborted, done.reason, told]).toEqual([false, undefined, 1]);
  done.onGone(() => {
    told += 1;
  });
  expect(told).toBe(2);
});

it('is cancelled when it ends before its answer is out', () => {
  const broken = exchange();
  const { signal } = broken;
  broken.finish(false);
  expect(signal.reason).toMatchObject({ code: 'Cancelled' });
});

import { Type } from 'typebox';

const MOST_PROCESSES = 64;

/** A number, or `auto`; the finished configuration has a number. */
export function processes() {
  return Type.Union([Type.Integer({ minimum: 1, maximum: MOST_PROCESSES }), Type.Literal('auto')], {
    default: 1,
    allowed: `a whole number from 1 to ${MOST_PROCESSES}, or auto`,
    description:
      'Processes that share the port and are one node. `auto`: one per processor core, at most 16, and one per 512 MiB of memory.',
  });
}

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Snowflakes } from '#core/snowflake.ts';
import { WorkerNumber } from '#core/worker-number.ts';
import { DatabaseCoordinator } from '#drivers/coordinator/database.ts';
import { MovableClock, openRig, quiet, type Rig } from './rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await openRig();
});
afterEach(() => rig.close());

function node(clock = rig.clock, holder = 'same') {
  const coordinator = new DatabaseCoordinator({ metadata: rig.metadata, clock, logger: quiet });
  const snowflakes = new Snowflakes(clock);
  return { snowflakes, number: new WorkerNumber({ coordinator, snowflakes, holder, clock, logger: quiet }) };
}

describe('WorkerNumber on a database', () => {
  it('nodes that start at once under one name by mistake never make the same uid', async () => {
    const nodes = Array.from({ length: 5 }, () => node());
    await Promise.all(nodes.map((one) => one.number.start()));
    const made = nodes.flatMap((one) => Array.from({ length: 5000 }, () => one.snowflakes.next()));
    expect(new Set(made).size).toBe(25_000);
    for (const one of nodes) await one.number.stop();
  });

  it('takes a crashed number over without repeating a uid, with a clock that is behind', async () => {
    const made = new Set<string>();
    const crashed = node();
    await crashed.number.start();
    for (let i = 0; i < 20_000; i += 1) made.add(crashed.snowflakes.next());
    const late = new MovableClock();
    late.offset = 31_000;
    const heir = node(late);
    await heir.number.start();
    late.offset = -3_600_000;
    for (let i = 0; i < 20_000; i += 1) made.add(heir.snowflakes.next());
    // The crashed process was only asleep: it must not go on under a number that is somebody else's.
    for (let i = 0; i < 20_000; i += 1) made.add(crashed.snowflakes.next());
    await crashed.number.renew();
    for (let i = 0; i < 20_000; i += 1) made.add(crashed.snowflakes.next());
    expect(made.size).toBe(80_000);
    await heir.number.stop();
    await crashed.number.stop();
  });
});

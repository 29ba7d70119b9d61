import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeWatch } from '#core/cluster/node-watch.ts';
import { Conditions } from '#core/events/conditions.ts';
import type { NodeRecord } from '#core/model/lease.ts';
import { openRig, quiet, type Rig } from './rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await openRig();
});
afterEach(() => rig.close());

const of = (nodeId: string) =>
  new Conditions({ metadata: rig.metadata, nodeId, clock: rig.clock, logger: quiet });

async function told(): Promise<string[]> {
  await rig.metadata.transaction(({ events }) => events.sequence(100));
  return (await rig.metadata.events.after(undefined, 100)).map(({ type, subject }) => `${type} ${subject}`);
}

describe('conditions', () => {
  it('are told once per change and node, however many processes see it', async () => {
    const [one, sibling, other] = [of('n1'), of('n1'), of('n2')];
    one.store('main', true);
    await one.settled();
    expect(await told()).toEqual([]);
    for (const each of [one, sibling, other]) each.store('main', false);
    await Promise.all([one, sibling, other].map((each) => each.settled()));
    expect(await told()).toEqual(['store.down main', 'store.down main']);
    one.store('main', true);
    one.store('main', false);
    one.store('main', true);
    await one.settled();
    sibling.store('main', true);
    await sibling.settled();
    expect((await told()).slice(2)).toEqual(['store.up main', 'store.down main', 'store.up main']);
  });

  it('of a node begin when it joins, and survive whoever told them', async () => {
    const first = of('n1');
    first.node('n9', false);
    first.node('n1', true);
    await first.settled();
    const again = of('n1');
    again.node('n1', true);
    again.node('n1', false);
    again.node('n1', false);
    await again.settled();
    expect(await told()).toEqual(['node.joined n1', 'node.left n1']);
  });
});

it('the node that leads tells of the others that fall silent and come back, and of nothing when it does not lead', async () => {
  const conditions = of('n1');
  const node = (id: string, heartbeatAt: number): NodeRecord => ({
    ...{ id, address: 'a', version: 'v', startedAt: 1, heartbeatAt },
  });
  let nodes: NodeRecord[] = [];
  let leads = true;
  const watch = new NodeWatch({
    ...{ coordinator: { nodes: async () => nodes }, conditions, clock: rig.clock, logger: quiet },
    lead: {
      get held() {
        return leads ? { name: 'l', holder: 'n1', fence: 1, expiresAt: 0, value: 0 } : undefined;
      },
    },
  });
  const look = async (...present: NodeRecord[]) => {
    nodes = present;
    await watch.look();
    await conditions.settled();
  };
  const now = rig.clock.now();
  await look(node('n1', now), node('n2', now));
  await look(node('n1', now), node('n2', now));
  await look(node('n1', now), node('n2', now - 60_000));
  leads = false;
  await look(node('n1', now), node('n2', now));
  leads = true;
  await look(node('n1', now), node('n2', now));
  expect(await told()).toEqual(['node.joined n1', 'node.joined n2', 'node.left n2', 'node.joined n2']);
});

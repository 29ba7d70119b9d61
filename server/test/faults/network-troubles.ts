import type { Breaking, Direction, TcpFaultProxy } from '#test/services/tcp-fault-proxy.ts';
import type { Random } from './random.ts';
import type { Trouble } from './store-storm.ts';

/** Among the heads, in small bodies, in large ones. */
function breakingPoint(random: Random): number {
  const [low, high] = random.pick(RUNS) ?? RUNS[0];
  return random.between(low, high);
}

const RUNS = [
  [0, 2000],
  [2000, 200_000],
  [200_000, 3_000_000],
] as const;

/** Every fault of the network between the service and a store, by name. */
export function networkTroubles(proxy: TcpFaultProxy): readonly Trouble[] {
  const end = async () => proxy.set({});
  const broken = (direction: Direction, how: Breaking): Trouble => ({
    name: `${direction} ${how}`,
    begin: async (random) => {
      const afterBytes = breakingPoint(random);
      proxy.set({ breaking: { direction, how, afterBytes } });
      console.log(`${direction} ${how} after ${afterBytes} bytes`);
    },
    end: async () => {
      console.log(`broken connections: ${proxy.broken}`);
      proxy.set({});
    },
  });
  return [
    { name: 'delay', begin: async (random) => proxy.set({ delayMs: random.between(20, 200) }), end },
    {
      name: 'throttle',
      begin: async (random) => proxy.set({ bytesPerSecond: random.between(200_000, 2_000_000) }),
      end,
    },
    broken('up', 'reset'),
    broken('down', 'reset'),
    broken('up', 'end'),
    broken('down', 'end'),
    broken('up', 'silence'),
    broken('down', 'silence'),
    { name: 'deaf', begin: async () => proxy.set({ deaf: true }), end },
    { name: 'refused', begin: () => proxy.refuse(), end: () => proxy.accept() },
  ];
}

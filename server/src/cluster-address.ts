import { isIP, isIPv6 } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { Config } from '#config/config.ts';
import { ConfigError } from '#config/config-error.ts';

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/**
 * The URL under which the other nodes reach this one: the configured one, the one it listens on, or, where that is a wildcard, that of the machine's
 * first address that is neither a loopback nor link-local, IPv4 before IPv6. Throws a ConfigError where a cluster needs one and there is none.
 */
export function clusterAddressOf(
  config: Pick<Config, 'cluster'>,
  listening: string,
  interfaces: Interfaces = networkInterfaces(),
): string {
  if (config.cluster.address !== undefined) return new URL(config.cluster.address).origin;
  if (listening === '') return '';
  const url = new URL(listening);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) === 0 || !/^(0\.0\.0\.0|::)$/.test(host)) return listening;
  const usable = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !/^(fe80:|169\.254\.)/i.test(address))
    .map(({ address }) => address);
  const address = usable.find((one) => !isIPv6(one)) ?? (host === '::' ? usable[0] : undefined);
  if (address !== undefined) return `http://${isIPv6(address) ? `[${address}]` : address}:${url.port}`;
  if (config.cluster.secret === undefined) return listening;
  throw new ConfigError([
    'cluster.secret is set, host is a wildcard and this machine has no address of its own that other nodes could use; set cluster.address (OSPROXY_CLUSTER_ADDRESS), such as http://10.0.0.5:8888.',
  ]);
}

import type { NetworkInterfaceInfo } from 'node:os';
import { expect, it } from 'vitest';
import { clusterAddressOf } from './cluster-address.ts';

const SECRET = 'a secret of at least 32 characters.';
const at = (address: string, internal = false) => ({ address, internal }) as NetworkInterfaceInfo;
const machine = {
  lo: [at('127.0.0.1', true), at('::1', true)],
  eth0: [at('fe80::1'), at('2001:db8::7'), at('169.254.3.4'), at('10.0.0.5')],
};
const cluster = (more: { address?: string; secret?: string } = { secret: SECRET }) => ({
  cluster: { formerSecrets: [], ...more },
});

it('takes the configured address before all others', () => {
  const config = cluster({ address: 'https://node-1.example:8443/' });
  expect(clusterAddressOf(config, 'http://0.0.0.0:8888', machine)).toBe('https://node-1.example:8443');
});

it('takes the address it listens on where that is one', () => {
  expect(clusterAddressOf(cluster(), 'http://192.168.1.2:8888', machine)).toBe('http://192.168.1.2:8888');
  expect(clusterAddressOf(cluster(), 'http://[2001:db8::1]:8888', machine)).toBe('http://[2001:db8::1]:8888');
});

it('takes the first address of the machine that others can use for a wildcard', () => {
  expect(clusterAddressOf(cluster(), 'http://0.0.0.0:8888', machine)).toBe('http://10.0.0.5:8888');
  expect(clusterAddressOf(cluster(), 'http://[::]:8888', machine)).toBe('http://10.0.0.5:8888');
  const modern = { eth0: [at('fe80::1'), at('2001:db8::7')] };
  expect(clusterAddressOf(cluster(), 'http://[::]:8888', modern)).toBe('http://[2001:db8::7]:8888');
});

it('says what to set where there is none, and only where it is needed', () => {
  const alone = { lo: machine.lo };
  expect(() => clusterAddressOf(cluster(), 'http://0.0.0.0:8888', alone)).toThrow(/OSPROXY_CLUSTER_ADDRESS/);
  expect(clusterAddressOf(cluster({}), 'http://0.0.0.0:8888', alone)).toBe('http://0.0.0.0:8888');
});

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Daemon } from './daemon.ts';
import { ensurePackages, type Requirement } from './packages.ts';
import { freePort, freeThousand } from './ports.ts';
import { ServiceUnavailable } from './service-unavailable.ts';

const run = promisify(execFile);

/** How to reach a Ceph gateway; plain data, so that it travels between processes. */
export interface CephRgwAccess {
  readonly endpoint: string;
  /** The same data through a gateway that takes parts of any size, for proxies that enforce the rules of other services. */
  readonly lenientEndpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface CephRgw {
  readonly access: CephRgwAccess;
  /** Ends the first gateway with SIGKILL; the data stays. */
  killGateway(): Promise<void>;
  startGateway(): Promise<void>;
  /** Frees the memory of what was deleted now; the gateway itself would wait for two hours. */
  collectGarbage(): Promise<void>;
  stop(): Promise<void>;
}

export interface CephRgwOptions {
  /** An empty folder for everything, which stop removes; default: one of its own among the temporary files. */
  readonly folder?: string;
  /** Bytes that the cluster can hold. Default 4 GiB. */
  readonly storeBytes?: number;
  /** Further lines of ceph.conf for the first gateway. */
  readonly gatewaySettings?: string;
}

const NEEDS: readonly Requirement[] = [
  { command: 'radosgw', packages: ['radosgw'] },
  { command: 'ceph-mon', packages: ['ceph-mon'] },
  { command: 'ceph-osd', packages: ['ceph-osd'] },
];

const ENDPOINT = 'OSPROXY_TEST_S3_ENDPOINT';
const ACCESS_KEY_ID = 'OSPROXY_TEST_S3_ACCESS_KEY_ID';
const SECRET_ACCESS_KEY = 'OSPROXY_TEST_S3_SECRET_ACCESS_KEY';

/** The gateway that the environment names, which runs elsewhere and goes on, or one of our own. */
export async function sharedCephRgw(): Promise<Pick<CephRgw, 'access' | 'stop'>> {
  const endpoint = process.env[ENDPOINT];
  const accessKeyId = process.env[ACCESS_KEY_ID];
  const secretAccessKey = process.env[SECRET_ACCESS_KEY];
  if (endpoint && accessKeyId && secretAccessKey) {
    const lenientEndpoint = process.env.OSPROXY_TEST_S3_LENIENT_ENDPOINT ?? endpoint;
    return { access: { endpoint, lenientEndpoint, accessKeyId, secretAccessKey }, stop: async () => {} };
  }
  return startCephRgw().catch((error: unknown): never => {
    if (!(error instanceof ServiceUnavailable)) throw error;
    throw new ServiceUnavailable(
      `${error.message}; or set ${ENDPOINT}, ${ACCESS_KEY_ID} and ${SECRET_ACCESS_KEY}`,
    );
  });
}

/** A Ceph cluster of its own with everything in memory: one monitor, one OSD, two gateways on loopback. */
export async function startCephRgw(options: CephRgwOptions = {}): Promise<CephRgw> {
  const absent = await ensurePackages(NEEDS);
  if (absent !== undefined) throw new ServiceUnavailable(absent);
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'osproxy-ceph-')));
  const ports: [number, number] = [await freePort(), await freePort()];
  const { storeBytes = 4 * 1024 ** 3, gatewaySettings = '' } = options;
  const cluster = new CephCluster({
    folder,
    monPort: await freeThousand(),
    ports,
    storeBytes,
    gatewaySettings,
  });
  try {
    await cluster.start();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

interface ClusterPlace {
  readonly folder: string;
  readonly monPort: number;
  readonly ports: readonly [number, number];
  readonly storeBytes: number;
  readonly gatewaySettings: string;
}

class CephCluster implements CephRgw {
  readonly access: CephRgwAccess;
  readonly #place: ClusterPlace;
  readonly #daemons: { mon?: Daemon; osd?: Daemon; gateways: Daemon[] } = { gateways: [] };

  constructor(place: ClusterPlace) {
    this.#place = place;
    const [first, second] = place.ports;
    this.access = {
      endpoint: `http://127.0.0.1:${first}`,
      lenientEndpoint: `http://127.0.0.1:${second}`,
      accessKeyId: 'AKTEST',
      secretAccessKey: 'SKTEST',
    };
  }

  async start(): Promise<void> {
    const { folder, monPort } = this.#place;
    for (const name of ['mon', 'osd', 'run', 'log', 'rgw', 'rgw2']) await mkdir(join(folder, name));
    const [cluster, osd] = [randomUUID(), randomUUID()];
    await writeFile(join(folder, 'ceph.conf'), configOf(this.#place, cluster));
    const map = join(folder, 'monmap');
    await run('monmaptool', ['--create', '--addv', 'a', `[v2:127.0.0.1:${monPort}]`, '--fsid', cluster, map]);
    await this.#tool('ceph-mon', '-i', 'a', '--mkfs', '--monmap', map);
    this.#daemons.mon = await this.#daemon('ceph-mon', '-i', 'a');
    await this.#tool('ceph', '--connect-timeout', '20', 'osd', 'new', osd);
    await this.#tool('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osd);
    this.#daemons.osd = await this.#daemon('ceph-osd', '-i', '0');
    const { accessKeyId, secretAccessKey } = this.access;
    const keys = [`--access-key=${accessKeyId}`, `--secret-key=${secretAccessKey}`];
    const user = ['user', 'create', '--uid=test', '--display-name=test', ...keys];
    await this.#tool('radosgw-admin', '-n', 'client.rgw', ...user);
    await Promise.all([this.startGateway(), this.#gateway(1)]);
  }

  async killGateway(): Promise<void> {
    await this.#daemons.gateways[0]?.kill();
  }

  async startGateway(): Promise<void> {
    if (this.#daemons.gateways[0]?.running) throw new Error('The gateway is running already.');
    await this.#gateway(0);
  }

  async collectGarbage(): Promise<void> {
    await this.#tool('radosgw-admin', '-n', 'client.rgw', 'gc', 'process', '--include-all');
  }

  async stop(): Promise<void> {
    const { gateways, osd, mon } = this.#daemons;
    // In this order: a gateway without its cluster does not heed TERM.
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await osd?.stop();
    await mon?.stop();
    await rm(this.#place.folder, { recursive: true, force: true });
  }

  async #gateway(index: 0 | 1): Promise<void> {
    const name = index === 0 ? 'client.rgw' : 'client.rgw2';
    const gateway = await this.#daemon('radosgw', '-n', name);
    this.#daemons.gateways[index] = gateway;
    const url = `http://127.0.0.1:${this.#place.ports[index]}/`;
    await gateway.ready(async () => (await fetch(url, { signal: AbortSignal.timeout(2000) })).ok, 60_000);
  }

  #daemon(command: string, ...args: readonly string[]): Promise<Daemon> {
    const conf = join(this.#place.folder, 'ceph.conf');
    return Daemon.start(
      command,
      ['-c', conf, '-f', ...args],
      join(this.#place.folder, 'log', `${command}.out`),
    );
  }

  async #tool(command: string, ...args: readonly string[]): Promise<void> {
    await run(command, ['-c', join(this.#place.folder, 'ceph.conf'), ...args], { timeout: 60_000 });
  }
}

function configOf(
  { folder, monPort, ports, storeBytes, gatewaySettings }: ClusterPlace,
  cluster: string,
): string {
  return `[global]
fsid = ${cluster}
mon host = v2:127.0.0.1:${monPort}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
ms bind msgr1 = false
ms bind port min = ${monPort + 100}
ms bind port max = ${monPort + 900}
auth cluster required = none
auth service required = none
auth client required = none
run dir = ${folder}/run
admin socket = ${folder}/run/$name.$pid.asok
log file = ${folder}/log/$name.log
pid file = ${folder}/run/$name.pid
crash dir = ${folder}/log
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon cluster log file = ${folder}/log/cluster.log
[mon]
mon data = ${folder}/mon
mon data avail warn = 1
mon data avail crit = 1
mon max pg per osd = 1000
paxos propose interval = 0.02
paxos min wait = 0.01
auth allow insecure global id reclaim = false
[osd]
osd data = ${folder}/osd
osd objectstore = memstore
memstore device bytes = ${storeBytes}
osd class load list = *
osd class default list = *
[client]
rgw dns name = s3.localhost
rgw override bucket index max shards = 1
ms mon client mode = crc
auth client required = none
rgw crypt require ssl = false
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:${ports[0]} tcp_nodelay=1
rgw data = ${folder}/rgw
${gatewaySettings}
[client.rgw2]
rgw frontends = beast endpoint=127.0.0.1:${ports[1]} tcp_nodelay=1
rgw data = ${folder}/rgw2
rgw multipart min part size = 1
`;
}

import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { tempFiles } from './store-folder.ts';

export interface Handles {
  readonly sockets: number;
  /** Files, folders and devices by path; each once per descriptor. */
  readonly paths: readonly string[];
}

/** What a process holds open. */
export async function handlesOf(pid: number): Promise<Handles> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder);
  const targets = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => '')));
  return {
    sockets: targets.filter((target) => target.startsWith('socket:')).length,
    paths: targets.filter((target) => target.startsWith('/')).sort(),
  };
}

/** Resident memory in MiB. */
export async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

/** Values of the metrics whose line begins with `name`, added up. */
export async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text();
  const lines = text.split('\n').filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Resolves when `look` gives undefined; rejects with what it gave last after `ms`. */
export async function settles(ms: number, look: () => Promise<string | undefined>): Promise<void> {
  const until = Date.now() + ms;
  for (;;) {
    const wrong = await look();
    if (wrong === undefined) return;
    if (Date.now() > until) throw new Error(`After ${ms} ms still: ${wrong}`);
    await sleep(50);
  }
}

export interface Baseline {
  readonly pid: number;
  readonly url: string;
  readonly dataDir: string;
  readonly handles: Handles;
}

/** Undefined when the process holds what it held before and nothing is under way; else a sentence about what is left. */
export async function leftBehind({ pid, url, dataDir, handles }: Baseline): Promise<string | undefined> {
  const now = await handlesOf(pid);
  if (now.sockets > handles.sockets) return `${now.sockets} sockets instead of ${handles.sockets}`;
  if (now.paths.join() !== handles.paths.join())
    return `open ${now.paths.join()} instead of ${handles.paths.join()}`;
  const temps = await tempFiles(dataDir);
  if (temps.length > 0) return `temporary files ${temps}`;
  const transfers = await metric(url, 'osproxy_open_transfers{');
  return transfers > 0 ? `${transfers} open transfers` : undefined;
}

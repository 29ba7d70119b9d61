import { readFileSync } from 'node:fs';

const EVERY_MS = 50;

/** Resident memory of a process in bytes. */
export function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}

/** Watches a process every 50 ms while `work` runs; resolves with the most resident bytes that were seen. */
export async function peakDuring(pid: number, work: () => Promise<unknown>): Promise<number> {
  let most = residentBytes(pid);
  const look = () => {
    most = Math.max(most, residentBytes(pid));
  };
  const timer = setInterval(look, EVERY_MS);
  try {
    await work();
    look();
    return most;
  } finally {
    clearInterval(timer);
  }
}

import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { run } from './processes.ts';
import { findTools } from './tools.ts';

export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** A script of harness/wrk/, and what it reads from the environment. */
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Answers per second; rejects where one was not a success or a connection failed. */
export async function wrk(load: Load): Promise<number> {
  const { wrk: command } = findTools('wrk');
  const script = fileURLToPath(new URL(`./wrk/${load.script}.lua`, import.meta.url));
  const threads = Math.max(1, Math.min(2, load.connections, availableParallelism() >> 1));
  const { stdout } = await run(
    command,
    [
      `-t${threads}`,
      `-c${load.connections}`,
      `-d${load.seconds}s`,
      '--timeout',
      '20s',
      '-s',
      script,
      load.url,
    ],
    { env: { ...process.env, ...load.env } },
  );
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`wrk met failures:\n${stdout}`);
  return Number(/Requests\/sec:\s+([0-9.]+)/.exec(stdout)?.[1]);
}

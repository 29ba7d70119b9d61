import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startProcess } from './processes.ts';

/** Starts a bare node:http server in its own process; resolves with its URL. */
export async function startBareNode(): Promise<string> {
  const script = fileURLToPath(new URL('./bare-server.ts', import.meta.url));
  const child = startProcess(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new Error('the bare server has no output');
  const [port] = await once(child.stdout, 'data');
  return `http://127.0.0.1:${Number(String(port))}`;
}

import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { json } from 'node:stream/consumers';
import type { TransferJob } from './transfer-job.ts';

const BLOCK_BYTES = 1024 * 1024;

const job = (await json(process.stdin)) as TransferJob;
const agent = new Agent({ keepAlive: true, maxSockets: job.concurrency });
const source = job.body === undefined ? undefined : await open(job.body.file, 'r');
const queue = job.urls.entries();

const start = performance.now();
await Promise.all(Array.from({ length: job.concurrency }, lane));
process.stdout.write(String((performance.now() - start) / 1000));
await source?.close();
agent.destroy();

async function lane(): Promise<void> {
  const blocks = [Buffer.allocUnsafeSlow(BLOCK_BYTES), Buffer.allocUnsafeSlow(BLOCK_BYTES)];
  for (const [index, url] of queue) {
    const length = lengthHeader();
    const sent = request(url, { method: job.method, agent, headers: { ...job.headers, ...length } });
    const answered = once(sent, 'response');
    if (source !== undefined) await sendBody(sent, source, index, blocks);
    else sent.end();
    const [answer] = (await answered) as [IncomingMessage];
    const status = answer.statusCode ?? 0;
    answer.resume();
    await once(answer, 'end');
    if (status < 200 || status > 299) throw new Error(`${job.method} ${url} answered ${status}`);
  }
}

function lengthHeader(): Record<string, string | number> {
  if (job.body === undefined) return {};
  return job.body.chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': job.body.bytes };
}

/** Two blocks take turns: one is read while the other is on its way. */
async function sendBody(
  sent: ClientRequest,
  file: FileHandle,
  index: number,
  blocks: readonly Buffer[],
): Promise<void> {
  const { bytes = 0, fileBytes = 0 } = job.body ?? {};
  const offset = (index * bytes) % fileBytes;
  const writes: Promise<unknown>[] = [];
  for (let at = 0, turn = 0; at < bytes; turn += 1) {
    const block = blocks[turn % 2] as Buffer;
    await writes[turn - 2];
    const { bytesRead } = await file.read(block, 0, Math.min(block.length, bytes - at), offset + at);
    if (bytesRead === 0) throw new Error('the source file is shorter than the body');
    if (at === 0) randomFillSync(block, 0, 16);
    writes.push(new Promise((resolve) => sent.write(block.subarray(0, bytesRead), resolve)));
    at += bytesRead;
  }
  await Promise.all(writes);
  sent.end();
}

import { fileURLToPath } from 'node:url';
import { run } from './processes.ts';

/** Requests for a client process of its own; PUT bodies are runs of a file, each made unique in its first bytes. */
export interface TransferJob {
  readonly method: 'PUT' | 'GET';
  readonly urls: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** Requests under way at once. */
  readonly concurrency: number;
  readonly body?: {
    readonly file: string;
    readonly fileBytes: number;
    readonly bytes: number;
    /** True: the length is not declared. */
    readonly chunked?: boolean;
  };
}

/** Resolves with the seconds from the first request to the last answer; rejects unless every answer is a success. */
export async function transfer(job: TransferJob): Promise<number> {
  const client = fileURLToPath(new URL('./transfer-client.ts', import.meta.url));
  const { stdout } = await run(process.execPath, [client], { input: JSON.stringify(job) });
  return Number(stdout);
}

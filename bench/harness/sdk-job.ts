import { fileURLToPath } from 'node:url';
import { run } from './processes.ts';
import type { S3Place } from './sdk-client.ts';

/** What an SDK in a process of its own does straight with the store. */
export type SdkJob = { readonly place: S3Place } & (
  | {
      /** One object of a file's bytes: in parts, several at once. */
      readonly kind: 'upload';
      readonly key: string;
      readonly file: string;
      readonly partBytes: number;
      readonly atOnce: number;
    }
  | { /** One object, its bytes thrown away. */ readonly kind: 'download'; readonly key: string }
  | {
      /** New objects of `bytes`, one after another on each connection. */
      readonly kind: 'put-many';
      readonly prefix: string;
      readonly bytes: number;
      readonly connections: number;
      readonly seconds: number;
    }
  | {
      /** These objects in turn. */
      readonly kind: 'get-many';
      readonly keys: readonly string[];
      readonly connections: number;
      readonly seconds: number;
    }
);

/** Seconds of an upload or download, from its first request to its last byte; for many objects how many per second. */
export async function sdk(job: SdkJob): Promise<number> {
  const script = fileURLToPath(new URL('./sdk-process.ts', import.meta.url));
  const { stdout } = await run(process.execPath, [script], { input: JSON.stringify(job) });
  return Number(stdout);
}

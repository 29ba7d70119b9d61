import { createRequire } from 'node:module';

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}

type Library = typeof import('kafkajs');
let loaded: Promise<Library> | undefined;

/**
 * The client library, loaded when it is first needed. Its queue of requests looks after itself every millisecond while a connection is open, with a
 * time in the past for the timer, of which Node warns; here it looks only when there is something to look after.
 */
export function loadKafkajs(): Promise<Library> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Library> {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
    readonly prototype: RequestQueue;
  };
  const look = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function schedule(this: RequestQueue): void {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) look.call(this);
  };
  return import('kafkajs');
}

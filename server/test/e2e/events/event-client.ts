import { type RunningService, startService } from '../service.ts';

interface Told {
  readonly id: string;
  readonly event: string;
  readonly data: { readonly subject: string; readonly type: string; readonly data: Record<string, unknown> };
}

export interface EventStream {
  readonly status: number;
  readonly told: readonly Told[];
  /** The last id that was said, with or without an event. */
  readonly lastId: string;
  /** Resolves when the answer has ended or was left. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** Reads server-sent events as a browser does. */
export async function openStream(
  service: RunningService,
  query = '',
  headers: Record<string, string> = {},
): Promise<EventStream> {
  const leaving = new AbortController();
  const response = await fetch(`${service.url}/api/v1/events${query}`, {
    headers: { authorization: `Bearer ${service.apiKey}`, ...headers },
    signal: leaving.signal,
  });
  const told: Told[] = [];
  const stream = { status: response.status, told, lastId: '', ended: Promise.resolve() };
  const read = async () => {
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString('utf8');
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const fields = Object.fromEntries(
          block
            .split('\n')
            .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
        );
        if (fields.id !== undefined) stream.lastId = fields.id;
        const { id = '', event = '', data } = fields;
        if (data !== undefined) told.push({ id, event, data: JSON.parse(data) as Told['data'] });
      }
    }
  };
  stream.ended = read().catch(() => {});
  return Object.assign(stream, {
    close: async () => {
      leaving.abort();
      await stream.ended;
    },
  });
}

export async function call(
  service: RunningService,
  method: string,
  path: string,
  json?: unknown,
): Promise<{ readonly status: number; readonly body: never }> {
  const response = await fetch(`${service.url}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${service.apiKey}`,
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as never };
}

/** A small new file; its uid. */
export async function put(service: RunningService, name: string): Promise<string> {
  const response = await fetch(`${service.url}/api/v1/files/${encodeURIComponent(name)}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${service.apiKey}`, 'content-type': 'text/plain' },
    body: name,
  });
  if (!response.ok) throw new Error(`PUT ${name}: ${response.status} ${await response.text()}`);
  return ((await response.json()) as { uid: string }).uid;
}

export const SECRET = `whsec_${Buffer.alloc(32, 's').toString('base64')}`;

/** A service that tells a webhook of everything. */
export function startTelling(url: string, more: { dataDir?: string; settings?: object } = {}) {
  const sink = { name: 'hook', type: 'webhook', url, secret: SECRET, allowPrivate: true, ...more.settings };
  return startService({
    env: { OSPROXY_EVENTS_SINKS: JSON.stringify([sink]) },
    ...(more.dataDir === undefined ? {} : { dataDir: more.dataDir }),
  });
}

interface Sink {
  readonly name: string;
  readonly state: string;
  readonly lag: number;
  readonly waiting: number;
  readonly parked: number;
  readonly reason?: string;
}

/** How the sink of that name stands, or the only one. */
export async function sinkOf(service: RunningService, name?: string): Promise<Sink> {
  const { sinks } = (await call(service, 'GET', '/event-sinks')).body as { sinks: Sink[] };
  const sink = sinks.find((one) => name === undefined || one.name === name);
  if (sink === undefined) throw new Error('the sink has not begun');
  return sink;
}

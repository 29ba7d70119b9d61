import type { EventRecord } from '../model/event.ts';

/** Where events come from, unless the installation has a public address. */
const NO_ADDRESS = 'urn:osproxy';

/** An event as CloudEvents 1.0 writes it in JSON. `id` with `source` names it for ever, however often it is delivered. */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  /** Extension: whose file it is; absent for what belongs to the installation. */
  readonly owner?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export const CLOUD_EVENT_TYPE = 'application/cloudevents+json';

export function cloudEvent(event: EventRecord, source: string | undefined): CloudEvent {
  const { position, type, subject, owner, at, data } = event;
  return {
    specversion: '1.0',
    id: position,
    source: source ?? NO_ADDRESS,
    type: `osproxy.${type}`,
    subject,
    time: new Date(at).toISOString(),
    datacontenttype: 'application/json',
    ...(owner === undefined ? {} : { owner }),
    data,
  };
}

import { Type } from 'typebox';
import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import {
  EventId,
  ParkedListBody,
  parkedBody,
  SinkBody,
  SinkListBody,
  sinkBody,
} from '../../event-schemas.ts';
import { emptyWithoutBody } from '../../optional-body.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const PAGE = 100;
const tags = ['events'];
const config = { access: { kind: 'service', scope: 'admin' } } as const;

const NameParams = Type.Object({ name: Type.String({ minLength: 1, maxLength: 63 }) });
const Positions = Type.Object(
  {
    positions: Type.Optional(
      Type.Array(EventId, { minItems: 1, maxItems: 1000, description: 'Ids of events; all without it.' }),
    ),
  },
  { additionalProperties: false, description: 'The body may be left out.' },
);
const Count = Type.Object({ count: Type.Integer({ description: 'Events that this was done to.' }) });

const CONTROLS = [
  [
    'enable',
    'enableEventSink',
    'Tell a sink of events again',
    'Whatever disabled it; it goes on where it was.',
  ],
  [
    'disable',
    'disableEventSink',
    'Tell a sink of nothing for now',
    'What happens meanwhile is told when it is enabled again, as far as it is kept until then.',
  ],
] as const;

export function listSinks(app: HttpServer, { core }: RestOptions): void {
  const schema = {
    ...{ operationId: 'listEventSinks', tags, summary: 'List event sinks' },
    description: 'How far every receiver of events has come, and what it did not take.',
    response: { 200: ref(SinkListBody) },
  };
  app.get('/event-sinks', { config, schema }, async () => ({
    sinks: (await core.sinks.list()).map(sinkBody),
  }));
}

export function controlSink(app: HttpServer, { core }: RestOptions): void {
  for (const [action, operationId, summary, description] of CONTROLS) {
    const response = { 200: ref(SinkBody), ...problems(404) };
    const schema = { operationId, tags, summary, description, params: NameParams, response };
    app.post(`/event-sinks/:name/${action}`, { config, schema }, async (request) =>
      sinkBody(await core.sinks[action](request.params.name, callerOf(request))),
    );
  }
}

export function listParked(app: HttpServer, { core }: RestOptions): void {
  const schema = {
    ...{ operationId: 'listParkedEvents', tags, summary: 'List parked events' },
    description: 'Events that the sink refused at every attempt, with what it said last.',
    params: NameParams,
    querystring: Type.Object({
      after: Type.Optional(EventId),
      limit: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 1000, default: PAGE, description: 'Events per page.' }),
      ),
    }),
    response: { 200: ref(ParkedListBody), ...problems(404) },
  };
  app.get('/event-sinks/:name/parked', { config, schema }, async (request) => {
    const { after, limit = PAGE } = request.query;
    const parked = await core.sinks.parked(request.params.name, after, limit);
    const next = parked.length === limit ? parked.at(-1)?.event.position : undefined;
    return { events: parked.map(parkedBody), next: next ?? null };
  });
}

export function redriveParked(app: HttpServer, { core }: RestOptions): void {
  const schema = {
    ...{ operationId: 'redriveEvents', tags, summary: 'Try parked events again' },
    description: 'With all their attempts, those that are named or all.',
    params: NameParams,
    body: Positions,
    response: { 200: Count, ...problems(404, 413, 415) },
  };
  const options = { config, schema, preValidation: emptyWithoutBody };
  app.post('/event-sinks/:name/redrive', options, async (request) => ({
    count: await core.sinks.redrive(request.params.name, request.body.positions, callerOf(request)),
  }));
}

export function discardParked(app: HttpServer, { core }: RestOptions): void {
  const schema = {
    ...{ operationId: 'discardEvents', tags, summary: 'Forget parked events' },
    description: 'The sink is never told of them.',
    params: NameParams,
    querystring: Type.Object({
      positions: Type.Optional(
        Type.String({
          pattern: '^[0-9]{1,18}(,[0-9]{1,18}){0,999}$',
          description: 'Ids of events, separated by commas; all without it.',
        }),
      ),
    }),
    response: { 200: Count, ...problems(404) },
  };
  app.delete('/event-sinks/:name/parked', { config, schema }, async (request) => ({
    count: await core.sinks.discard(
      request.params.name,
      request.query.positions?.split(','),
      callerOf(request),
    ),
  }));
}

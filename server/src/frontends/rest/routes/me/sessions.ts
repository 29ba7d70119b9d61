import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import { sessionBody } from '../../account-presenters.ts';
import { SessionListBody } from '../../account-schemas.ts';
import { IdParams } from '../../admin-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { personOf } from '../../person.ts';
import { nothing, problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const config = { access: { kind: 'person' } } as const;

const list = {
  operationId: 'listSessions',
  tags: ['accounts'],
  summary: 'List sessions',
  description: 'Everywhere the user is signed in.',
  response: { 200: ref(SessionListBody) },
};

const end = {
  operationId: 'endSession',
  tags: ['accounts'],
  summary: 'End a session',
  description: 'Its tokens are void at once.',
  params: IdParams,
  response: { 204: nothing('The session is over.'), ...problems(404) },
};

const endAll = {
  operationId: 'signOutEverywhere',
  tags: ['accounts'],
  summary: 'Sign out everywhere',
  description: 'Ends every session of the user, this one too; all tokens are void at once.',
  response: { 204: nothing('Every session is over.') },
};

export function mySessions(app: HttpServer, { core }: RestOptions): void {
  app.get('/me/sessions', { config, schema: list }, async (request) => {
    const { userId, sessionId } = personOf(request);
    const sessions = await core.accounts.sessions.list(userId);
    return { sessions: sessions.map((session) => sessionBody(session, sessionId)) };
  });
  app.delete('/me/sessions/:id', { config, schema: end }, async (request, reply) => {
    await core.accounts.sessions.end(personOf(request).userId, request.params.id, callerOf(request));
    return reply.code(204).send(null);
  });
  app.post('/me/sessions/sign-out-everywhere', { config, schema: endAll }, async (request, reply) => {
    await core.accounts.sessions.endAll(personOf(request).userId, callerOf(request));
    return reply.code(204).send(null);
  });
}

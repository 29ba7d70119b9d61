import { Type } from 'typebox';
import { callerOf } from '../../../http/caller.ts';
import { publicBaseOf } from '../../../http/public-base.ts';
import type { HttpServer } from '../../../http/server.ts';
import { BASE_PATH, type RestOptions } from '../../context.ts';
import { decodeCursor, encodeCursor } from '../../cursor.ts';
import { personOf } from '../../person.ts';
import { nothing, problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';
import { shareBody } from '../../share-presenters.ts';
import { NewShareBody, ShareBody, ShareChangeBody, ShareListBody } from '../../share-schemas.ts';

const config = { access: { kind: 'person' } } as const;
const params = Type.Object({ id: Type.String({ minLength: 1, maxLength: 40 }) });

const create = {
  operationId: 'createShare',
  tags: ['shares'],
  summary: 'Share a file or folder',
  description:
    'Whoever has the URL of the answer, and the password where there is one, may do what the permission says.',
  body: NewShareBody,
  response: { 201: ref(ShareBody), ...problems(404, 413, 415) },
};

const list = {
  operationId: 'listShares',
  tags: ['shares'],
  summary: 'List your shares',
  querystring: Type.Object({
    entry: Type.Optional(
      Type.String({ pattern: '^[1-9][0-9]{0,18}$', description: 'Only those of this file or folder.' }),
    ),
    cursor: Type.Optional(Type.String({ maxLength: 100 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  }),
  response: { 200: ref(ShareListBody) },
};

const get = {
  operationId: 'getShare',
  tags: ['shares'],
  summary: 'A share, with how often it was used',
  params,
  response: { 200: ref(ShareBody), ...problems(404) },
};

const change = {
  operationId: 'changeShare',
  tags: ['shares'],
  summary: 'Change a share',
  description:
    'Holds for every request that begins afterwards; with another password everybody has to unlock it again.',
  params,
  body: ShareChangeBody,
  response: { 200: ref(ShareBody), ...problems(404, 413, 415) },
};

const revoke = {
  operationId: 'revokeShare',
  tags: ['shares'],
  summary: 'End a share',
  description: 'For good, and at once: every request that begins afterwards finds nothing.',
  params,
  response: { 204: nothing('It is gone.'), ...problems(404) },
};

export function ownedShares(app: HttpServer, { core, publicUrl }: RestOptions): void {
  const { owned } = core.shares;
  app.post('/shares', { config, schema: create }, async (request, reply) => {
    const { entry: entryId, permission = 'download', expiresAt, ...rest } = request.body;
    const { label, password, maxDownloads, maxUploads, maxUploadBytes } = rest;
    const wanted = {
      ...{ entryId, permission, label, password, maxDownloads, maxUploads, maxUploadBytes },
      expiresAt: expiresAt === undefined ? undefined : Date.parse(expiresAt),
    };
    const share = await owned.create(personOf(request).userId, wanted, callerOf(request));
    reply.code(201).header('location', `${BASE_PATH}/shares/${share.id}`);
    return shareBody(share, publicBaseOf(request, publicUrl));
  });
  app.get('/shares', { config, schema: list }, async (request) => {
    const { entry: entryId, cursor, limit = 100 } = request.query;
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const { shares, next } = await owned.list(personOf(request).userId, { entryId, after, limit });
    const base = publicBaseOf(request, publicUrl);
    return {
      shares: shares.map((share) => shareBody(share, base)),
      next: next === undefined ? null : encodeCursor(next),
    };
  });
  app.get('/shares/:id', { config, schema: get }, async (request) => {
    const share = await owned.find(personOf(request).userId, request.params.id);
    return shareBody(share, publicBaseOf(request, publicUrl));
  });
  app.patch('/shares/:id', { config, schema: change }, async (request) => {
    const { expiresAt, ...rest } = request.body;
    const at = typeof expiresAt === 'string' ? Date.parse(expiresAt) : expiresAt;
    const wanted = { ...rest, ...(at === undefined ? {} : { expiresAt: at }) };
    const { userId } = personOf(request);
    const share = await owned.change(userId, request.params.id, wanted, callerOf(request));
    return shareBody(share, publicBaseOf(request, publicUrl));
  });
  app.delete('/shares/:id', { config, schema: revoke }, async (request, reply) => {
    await owned.revoke(personOf(request).userId, request.params.id, callerOf(request));
    return reply.code(204).send(null);
  });
}

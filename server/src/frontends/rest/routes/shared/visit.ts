import { Type } from 'typebox';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';
import {
  decodePlace,
  encodePlace,
  previewBody,
  sharedBody,
  sharedEntryBody,
  sharedPath,
} from '../../share-presenters.ts';
import {
  EntryQuery,
  PreviewBody,
  SharedBody,
  SharedEntryBody,
  SharedListBody,
  ShareHeaders,
  ShareParams,
  UnlockedBody,
} from '../../share-schemas.ts';
import { giveProof, VISITOR, visitorOf } from '../../share-visitor.ts';

const visiting = { tags: ['shared'], params: ShareParams, headers: ShareHeaders };

const info = {
  ...visiting,
  operationId: 'getShared',
  summary: 'What a share is',
  description: 'Before its password is proven it tells only that there is one.',
  response: { 200: ref(SharedBody), ...problems(404, 410) },
};

const unlock = {
  operationId: 'unlockShared',
  tags: ['shared'],
  summary: 'Prove the password of a share',
  description:
    'The token of the answer goes into `X-Share-Token`; the cookie beside it serves downloads by the browser. 429 after too many wrong ones.',
  params: ShareParams,
  body: Type.Object({ password: Type.String({ maxLength: 4096 }) }, { additionalProperties: false }),
  response: { 200: ref(UnlockedBody), ...problems(404, 410, 413, 415) },
};

const entries = {
  ...visiting,
  operationId: 'listShared',
  summary: 'What is in a shared folder',
  querystring: Type.Object({
    folder: Type.Optional(
      Type.String({ maxLength: 40, description: 'A folder in the shared one; else that itself.' }),
    ),
    sort: Type.Optional(Type.Enum(['name', 'size', 'time'], { default: 'name' })),
    order: Type.Optional(Type.Enum(['asc', 'desc'], { default: 'asc' })),
    cursor: Type.Optional(Type.String({ maxLength: 2000 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  }),
  response: { 200: ref(SharedListBody), ...problems(404, 409, 410) },
};

const entry = {
  ...visiting,
  operationId: 'getSharedEntry',
  summary: 'A file or folder in a shared folder',
  params: Type.Object({ ...ShareParams.properties, id: Type.String({ maxLength: 40 }) }),
  response: { 200: ref(SharedEntryBody), ...problems(404, 410) },
};

const preview = {
  ...visiting,
  operationId: 'getSharedPreview',
  summary: 'How a shared file can be shown',
  querystring: EntryQuery,
  response: { 200: ref(PreviewBody), ...problems(404, 409, 410, 423) },
};

export function visitShared(app: HttpServer, { core, publicUrl }: RestOptions): void {
  const { visits, drive } = core.shares;
  app.get('/shared/:share', { config: VISITOR, schema: info }, async (request) => {
    const visit = await visits.find(visitorOf(request));
    return visits.isProven(visit) ? sharedBody(visit.share, visit.root) : { needsPassword: true };
  });
  app.post('/shared/:share/unlock', { config: VISITOR, schema: unlock }, async (request, reply) => {
    const caller = visitorOf(request);
    const proof = await visits.unlock(caller, request.body.password);
    giveProof(request, reply, caller, proof, publicUrl);
    return { token: proof.token, expiresAt: new Date(proof.expiresAt).toISOString() };
  });
  app.get('/shared/:share/entries', { config: VISITOR, schema: entries }, async (request) => {
    const { folder, sort = 'name', order = 'asc', cursor, limit = 100 } = request.query;
    const after = cursor === undefined ? undefined : decodePlace(cursor);
    const page = { sort, descending: order === 'desc', after, limit };
    const { entries: found, next } = await drive.children(visitorOf(request), folder, page);
    return { entries: found.map(sharedEntryBody), next: next === undefined ? null : encodePlace(next) };
  });
  app.get('/shared/:share/entries/:id', { config: VISITOR, schema: entry }, async (request) => {
    return sharedEntryBody((await drive.entry(visitorOf(request), request.params.id)).entry);
  });
  app.get('/shared/:share/preview', { config: VISITOR, schema: preview }, async (request) => {
    const caller = visitorOf(request);
    const { entry: found, content } = await drive.file(caller, request.query.entry);
    return previewBody(content.file, core.thumbnails.sizes, (what, query) => {
      const parameters = `entry=${found.id}${query === '' ? '' : `&${query}`}`;
      return `${sharedPath(caller.key)}/${what}?${parameters}`;
    });
  });
}

import { Type } from 'typebox';
import { parseHexDigest } from '#core/digests.ts';
import type { UploadToDrive } from '#core/drive/drive-uploads.ts';
import { parseUid } from '#core/model/uid.ts';
import type { HttpServer } from '../../../http/server.ts';
import { BASE_PATH, type RestOptions } from '../../context.ts';
import { decodeCursor, encodeCursor } from '../../cursor.ts';
import { driveUploadBody, oneEntryBody } from '../../drive-presenters.ts';
import {
  Conflict,
  DriveUploadBody,
  DriveUploadListBody,
  EntryBody,
  EntryId,
  EntryName,
  PageQuery,
} from '../../drive-schemas.ts';
import { idempotencyKeyOf } from '../../idempotency-key.ts';
import { emptyWithoutBody } from '../../optional-body.ts';
import { personOf } from '../../person.ts';
import { partBody } from '../../presenters.ts';
import { problems } from '../../problems.ts';
import { KeyHeaders, Md5, ref, Sha256, Size, UidParams } from '../../schemas.ts';

const config = { access: { kind: 'person' } } as const;

const createSchema = {
  operationId: 'createDriveUpload',
  tags: ['drive'],
  summary: 'Begin an upload into a folder',
  description:
    'Reserves the room; 507 where there is none. Parts and the whole content go to `/uploads/{uid}/…`. Folders of `path` that are not there are made.',
  headers: KeyHeaders,
  body: Type.Object(
    {
      parentId: EntryId,
      path: Type.Optional(
        Type.String({
          maxLength: 40_000,
          description: 'Folders below `parentId`, with "/" between.',
          examples: ['photos/2026'],
        }),
      ),
      name: EntryName,
      size: Size,
      sha256: Type.Optional(Sha256),
      md5: Type.Optional(Md5),
      conflict: Conflict,
    },
    { additionalProperties: false },
  ),
  response: { 201: ref(DriveUploadBody), 200: ref(DriveUploadBody), ...problems(404, 409, 413, 415, 507) },
};

export function createDriveUpload(app: HttpServer, { core }: RestOptions): void {
  app.post('/drive/uploads', { config, schema: createSchema }, async (request, reply) => {
    const { userId, owner } = personOf(request);
    const { sha256, md5, conflict = 'fail', ...rest } = request.body;
    const wanted = {
      ...{ ...rest, conflict },
      sha256: sha256 === undefined ? undefined : parseHexDigest(sha256, 'sha256'),
      md5: md5 === undefined ? undefined : parseHexDigest(md5, 'md5'),
    };
    let made: UploadToDrive | undefined;
    const call = { call: 'drive.uploads.create', ...wanted };
    const { uid, repeated } = await core.idempotency.once(
      owner,
      idempotencyKeyOf(request),
      call,
      async (remember) => {
        made = await core.drive.uploads.begin(userId, wanted, remember);
        return made.upload.uid;
      },
    );
    reply.code(repeated ? 200 : 201).header('location', `${BASE_PATH}/drive/uploads/${uid}`);
    return driveUploadBody(made ?? (await core.drive.uploads.begun(userId, uid, wanted)));
  });
}

const listSchema = {
  operationId: 'listDriveUploads',
  tags: ['drive'],
  summary: 'List your uploads under way',
  description: 'For going on after an interruption, also from another device.',
  querystring: Type.Object(PageQuery),
  response: { 200: ref(DriveUploadListBody) },
};

export function listDriveUploads(app: HttpServer, { core }: RestOptions): void {
  app.get('/drive/uploads', { config, schema: listSchema }, async (request) => {
    const { cursor, limit = 100 } = request.query;
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const { uploads, next } = await core.drive.uploads.list(personOf(request).userId, after, limit);
    return { uploads: uploads.map(driveUploadBody), next: next === undefined ? null : encodeCursor(next) };
  });
}

const getSchema = {
  operationId: 'getDriveUpload',
  tags: ['drive'],
  summary: 'Where an upload under way goes, and which parts have arrived',
  params: UidParams,
  response: { 200: ref(DriveUploadBody), ...problems(404) },
};

export function getDriveUpload(app: HttpServer, { core }: RestOptions): void {
  app.get('/drive/uploads/:uid', { config, schema: getSchema }, async (request) => {
    const uid = parseUid(request.params.uid);
    const found = await core.drive.uploads.find(personOf(request).userId, uid);
    const { parts } = await core.uploads.status(request.principal, uid);
    return { ...driveUploadBody(found), parts: parts.map(partBody) };
  });
}

const changeSchema = {
  operationId: 'redirectDriveUpload',
  tags: ['drive'],
  summary: 'Send an upload under way to another place',
  description: 'Such as when its folder is gone, or its name was taken meanwhile. What is left out stays.',
  params: UidParams,
  body: Type.Object(
    { parentId: Type.Optional(EntryId), name: Type.Optional(EntryName), conflict: Type.Optional(Conflict) },
    { additionalProperties: false },
  ),
  response: { 200: ref(DriveUploadBody), ...problems(404, 409, 415) },
};

export function redirectDriveUpload(app: HttpServer, { core }: RestOptions): void {
  app.patch('/drive/uploads/:uid', { config, schema: changeSchema }, async (request) => {
    const { userId } = personOf(request);
    const uid = parseUid(request.params.uid);
    await core.drive.uploads.redirect(userId, uid, request.body);
    return driveUploadBody(await core.drive.uploads.find(userId, uid));
  });
}

const completeSchema = {
  operationId: 'completeDriveUpload',
  tags: ['drive'],
  summary: 'Make the file, and answer with its entry',
  description:
    'As `/uploads/{uid}/complete`, which says the same of the file. 409 where its folder is gone or its name was taken meanwhile: send it to another place and complete it again.',
  params: UidParams,
  body: Type.Object(
    { sha256: Type.Optional(Sha256), md5: Type.Optional(Md5) },
    { additionalProperties: false },
  ),
  response: { 200: ref(EntryBody), ...problems(404, 409, 410, 413, 415, 422) },
};

export function completeDriveUpload(app: HttpServer, { core }: RestOptions): void {
  const options = { config, schema: completeSchema, preValidation: emptyWithoutBody };
  app.post('/drive/uploads/:uid/complete', options, async (request) => {
    const uid = parseUid(request.params.uid);
    const { sha256, md5 } = request.body;
    const facts = {
      sha256: sha256 === undefined ? undefined : parseHexDigest(sha256, 'sha256'),
      md5: md5 === undefined ? undefined : parseHexDigest(md5, 'md5'),
    };
    await core.uploads.find(request.principal, uid);
    await core.uploads.complete(uid, facts);
    return oneEntryBody(core, await core.drive.uploads.entryOf(personOf(request).userId, uid));
  });
}

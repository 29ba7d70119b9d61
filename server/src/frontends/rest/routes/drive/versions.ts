import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { oneEntryBody, stateBody } from '../../drive-presenters.ts';
import { EntryBody, EntryParams, VersionListBody, VersionParams } from '../../drive-schemas.ts';
import { personOf } from '../../person.ts';
import { given } from '../../presenters.ts';
import { nothing, problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const config = { access: { kind: 'person' } } as const;

const listSchema = {
  operationId: 'listVersions',
  tags: ['drive'],
  summary: 'List the contents that a file has and had',
  params: EntryParams,
  response: { 200: ref(VersionListBody), ...problems(404, 409) },
};

export function listVersions(app: HttpServer, { core }: RestOptions): void {
  app.get('/drive/entries/:id/versions', { config, schema: listSchema }, async (request) => {
    const versions = await core.drive.versions.list(personOf(request).userId, request.params.id);
    const files = await core.drive.files(versions);
    return {
      versions: versions.map(({ version, size, contentType, modifiedAt, fileUid }) => ({
        ...{ version, size, contentType, modifiedAt: new Date(modifiedAt).toISOString() },
        ...given({ state: stateBody(files.get(fileUid)).state }),
      })),
    };
  });
}

const restoreSchema = {
  operationId: 'restoreVersion',
  tags: ['drive'],
  summary: 'Make an earlier content the present one again',
  description: 'As a new version; what was the present one until now is kept as an earlier one.',
  params: VersionParams,
  response: { 200: ref(EntryBody), ...problems(404, 409, 507) },
};

export function restoreVersion(app: HttpServer, { core }: RestOptions): void {
  const options = { config, schema: restoreSchema };
  app.post('/drive/entries/:id/versions/:version/restore', options, async (request) => {
    const { id, version } = request.params;
    return oneEntryBody(core, await core.drive.versions.restore(personOf(request).userId, id, version));
  });
}

const deleteSchema = {
  operationId: 'deleteVersion',
  tags: ['drive'],
  summary: 'Remove an earlier content of a file for good',
  params: VersionParams,
  response: { 204: nothing('It is gone.'), ...problems(404, 409) },
};

export function deleteVersion(app: HttpServer, { core }: RestOptions): void {
  app.delete(
    '/drive/entries/:id/versions/:version',
    { config, schema: deleteSchema },
    async (request, reply) => {
      const { id, version } = request.params;
      await core.drive.versions.remove(personOf(request).userId, id, version);
      return reply.code(204).send(null);
    },
  );
}

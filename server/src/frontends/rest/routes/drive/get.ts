import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { DriveBody } from '../../drive-schemas.ts';
import { personOf } from '../../person.ts';
import { given } from '../../presenters.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const schema = {
  operationId: 'getDrive',
  tags: ['drive'],
  summary: 'Your drive: its root folder, and how much is in it',
  response: { 200: ref(DriveBody), ...problems(404) },
};

export function getDrive(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'person' } } as const;
  app.get('/drive', { config, schema }, async (request) => {
    const { userId } = personOf(request);
    const { rootId, usedBytes, reservedBytes, files } = await core.drive.tree.drive(userId);
    const quotaBytes = await core.drive.quotaOf(userId);
    return { rootId, usedBytes, reservedBytes, ...given({ quotaBytes }), files };
  });
}

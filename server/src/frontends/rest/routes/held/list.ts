import { Type } from 'typebox';
import { OsproxyError } from '#core/errors.ts';
import type { HeldFile, HeldPage } from '#core/holds.ts';
import type { Principal } from '#core/model/principal.ts';
import { isUid } from '#core/model/uid.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { type HeldBody, HeldListBody } from '../../held-schemas.ts';
import { fileBody } from '../../presenters.ts';
import { ref } from '../../schemas.ts';

const PAGE = 100;

const schema = {
  operationId: 'listHeld',
  tags: ['files'],
  summary: 'List held files',
  description: 'Files of every owner that cannot be read until somebody has said yes.',
  querystring: Type.Object({
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, default: PAGE, description: 'Most entries of a page.' }),
    ),
    cursor: Type.Optional(Type.String({ description: '`next` of the page before.' })),
  }),
  response: { 200: ref(HeldListBody) },
};

export function listHeld(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  app.get('/held', { config, schema }, async (request) => {
    const { limit = PAGE, cursor } = request.query;
    const page = await core.holds.list(cursor === undefined ? undefined : decode(cursor), limit);
    return {
      held: page.held.map((one) => heldBody(one, request.principal)),
      next: page.next === undefined ? null : encode(page.next),
    };
  });
}

function heldBody({ file, hold }: HeldFile, principal: Principal): HeldBody {
  return {
    file: fileBody(file, principal),
    owner: file.owner,
    heldBy: hold.type,
    since: new Date(hold.since).toISOString(),
    ...(hold.reason === undefined ? {} : { reason: hold.reason }),
  };
}

function encode({ uid, type }: NonNullable<HeldPage['next']>): string {
  return Buffer.from(`${uid}/${type}`).toString('base64url');
}

function decode(cursor: string): NonNullable<HeldPage['next']> {
  const [uid = '', ...rest] = Buffer.from(cursor, 'base64url').toString('utf8').split('/');
  const after = { uid, type: rest.join('/') };
  if (isUid(uid) && encode(after) === cursor) return after;
  throw new OsproxyError(
    'InvalidArgument',
    'Query parameter "cursor" must be the `next` of an answer before; leave it out for the first page.',
    { details: { field: 'cursor' } },
  );
}

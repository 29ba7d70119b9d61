import { Type } from 'typebox';
import { OsproxyError } from '#core/errors.ts';
import { parseUsage } from '#core/usage/usage-days.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { ref } from '../../schemas.ts';
import { UsageBody, usageBody } from '../../usage-schemas.ts';

const DAY = { pattern: '^\\d{4}-\\d\\d-\\d\\d$' };

const schema = {
  operationId: 'getUsage',
  tags: ['usage'],
  summary: 'What was uploaded and downloaded',
  description:
    'Sums of days in UTC, some seconds behind at most. A key sees the files of its owner, one with the scope `admin` all.',
  querystring: Type.Object({
    from: Type.Optional(
      Type.String({ ...DAY, description: 'First day; thirty days with the last, without it.' }),
    ),
    to: Type.Optional(Type.String({ ...DAY, description: 'Last day; today without it.' })),
    by: Type.Optional(
      Type.String({
        pattern: '^[a-z,]{1,64}$',
        description:
          'What is told apart: `day`, `owner`, `key`, `store`, several with commas, or `all` for one sum. `day` without it.',
      }),
    ),
    owner: Type.Optional(
      Type.String({ minLength: 1, maxLength: 255, description: 'Files of this owner alone.' }),
    ),
  }),
  response: { 200: ref(UsageBody) },
};

export function getUsage(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'read' } } as const;
  app.get('/usage', { config, schema }, async ({ principal, query }) => {
    if (principal.kind !== 'service')
      throw new OsproxyError('PermissionDenied', 'Usage is told to service keys only.');
    const asked = parseUsage(query, core.clock.now());
    return usageBody(asked, await core.usage.totalsFor(principal, { ...asked, owner: query.owner }));
  });
}

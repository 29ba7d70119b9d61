import { Type } from 'typebox';
import { noFile, readable } from '#core/files.ts';
import { sendFile } from '../../../http/send-file.ts';
import type { HttpServer } from '../../../http/server.ts';
import { OPEN, type V0Context } from '../../context.ts';
import { failures } from '../../envelope.ts';
import { documentedOnly, invalid, type Query } from '../../query.ts';

const schema = {
  tags: ['osproxy-v0'],
  summary: 'The bytes of a file, for the bearer of a signed link',
  querystring: Type.Object({
    uid: Type.String(),
    name: Type.String(),
    date: Type.String(),
    expire: Type.String(),
    bucket: Type.String(),
    object: Type.String(),
    signature: Type.String(),
    online: Type.Optional(
      Type.Union([Type.Literal('1'), Type.Literal('0')], {
        description: '1, the default, lets a browser show harmless types; 0 makes it save the file.',
      }),
    ),
  }),
  response: failures,
};

export function download(scope: HttpServer, { core, links }: V0Context): void {
  const { downloads } = core;
  const options = { schema, config: OPEN, validatorCompiler: documentedOnly, exposeHeadRoute: true };
  scope.get('/download', options, async (request, reply) => {
    const query = request.query as Query;
    const link = links.readDownload(query);
    const disposition = dispositionOf(query);
    const content = await core.files.findSigned(link.uid);
    // The signature comes first: only who holds a link learns whether its file is still here.
    links.requireDownload(link, content?.file.linkEpoch ?? 0);
    if (content === undefined) throw noFile(link.uid);
    await sendFile(request, reply, { content: readable(content), downloads, disposition, name: link.name });
  });
}

function dispositionOf({ online }: Query): 'inline' | 'attachment' {
  if (online === undefined || online === '1') return 'inline';
  if (online === '0') return 'attachment';
  throw invalid('online', 'must be 1 or 0');
}

import { Type } from 'typebox';
import { parseHexDigest } from '#core/digests.ts';
import type { HttpServer } from '../../../http/server.ts';
import type { RestOptions } from '../../context.ts';
import { ChallengeBody } from '../../finding-schemas.ts';
import { personOf } from '../../person.ts';
import { problems } from '../../problems.ts';
import { ref, Sha256, Size } from '../../schemas.ts';

const schema = {
  operationId: 'createInstantUpload',
  tags: ['drive'],
  summary: 'Ask for an instant upload',
  description:
    'Says nothing about what is here: every content of 1 MiB or more gets a challenge, for 60 seconds and one answer. Smaller ones have to be uploaded.',
  body: Type.Object({ size: Size, sha256: Sha256 }, { additionalProperties: false }),
  response: { 201: ref(ChallengeBody), 200: ref(ChallengeBody), ...problems(413, 415) },
};

export function createChallenge(app: HttpServer, { core }: RestOptions): void {
  app.post(
    '/drive/instant-uploads',
    { config: { access: { kind: 'person' } }, schema },
    async (request, reply) => {
      const { size } = request.body;
      const sha256 = parseHexDigest(request.body.sha256, 'sha256');
      const challenge = await core.known.proven.challenge(personOf(request), { size, sha256 });
      if (challenge === undefined) return { state: 'uploadRequired' as const };
      const { id, nonce, ranges, expiresAt } = challenge;
      reply.code(201);
      return {
        ...{ state: 'challenge' as const, id, nonce, ranges: [...ranges] },
        expiresAt: new Date(expiresAt).toISOString(),
      };
    },
  );
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CODE_HEADER, PROOF_HEADER } from '#core/cluster/peer-signature.ts';
import { failureOf, STATUS } from '../http/problem.ts';

/** The code in a header, with a proof for a peer that was let in; HEAD has no body that could say it. */
export function answerErrors(scope: FastifyInstance): void {
  scope.setErrorHandler((thrown, request: FastifyRequest, reply: FastifyReply) => {
    const { error, headers } = failureOf(thrown, request);
    const { code } = error;
    const status = STATUS[code];
    reply.code(status).headers(headers).header(CODE_HEADER, code);
    const { principal } = request;
    if (principal.kind === 'peer')
      reply.header(PROOF_HEADER, principal.prove({ status, code, size: undefined }));
    else reply.header('x-osproxy-peer-refusal', printable(error.message));
    return reply.type('text/plain; charset=utf-8').send(`${error.message}\n`);
  });
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}

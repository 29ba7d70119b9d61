import { callerOf } from '../../../http/caller.ts';
import type { HttpServer } from '../../../http/server.ts';
import { moveBody } from '../../admin-presenters.ts';
import { IdParams, MoveBody } from '../../admin-schemas.ts';
import type { RestOptions } from '../../context.ts';
import { problems } from '../../problems.ts';
import { ref } from '../../schemas.ts';

const CONTROLS = [
  ['pause', 'pauseMove', 'Pause a move', 'Nothing is half moved. Pausing it again is fine.'],
  [
    'resume',
    'resumeMove',
    'Go on with a move',
    'A paused one goes on where it was; one that is done tries again what failed.',
  ],
  ['cancel', 'cancelMove', 'End a move', 'What was moved stays moved. Cancelling it again is fine.'],
] as const;

export function controlMove(app: HttpServer, { core }: RestOptions): void {
  const config = { access: { kind: 'service', scope: 'admin' } } as const;
  for (const [action, operationId, summary, description] of CONTROLS) {
    const schema = {
      operationId,
      tags: ['stores'],
      summary,
      description,
      params: IdParams,
      response: { 200: ref(MoveBody), ...problems(404, 409) },
    };
    app.post(`/moves/:id/${action}`, { config, schema }, async (request) =>
      moveBody(await core.moves[action](request.params.id, callerOf(request))),
    );
  }
}

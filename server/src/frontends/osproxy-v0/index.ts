import type { FastifyInstance } from 'fastify';
import { leaveBodiesToRoutes } from '../http/receive.ts';
import type { HttpServer } from '../http/server.ts';
import { createContext, type OsproxyV0Options } from './context.ts';
import { answerErrors } from './errors.ts';
import { download } from './routes/files/download.ts';
import { proxy } from './routes/files/proxy.ts';
import { resume } from './routes/files/resume.ts';
import { downloadLinks } from './routes/links/download.ts';
import { uploadLinks } from './routes/links/upload.ts';
import { health } from './routes/service/health.ts';
import { ping } from './routes/service/ping.ts';
import { checkpoint } from './routes/uploads/checkpoint.ts';
import { merge } from './routes/uploads/merge.ts';
import { writePart } from './routes/uploads/write-part.ts';
import { writeWhole } from './routes/uploads/write-whole.ts';
import { BASE_PATH } from './signed-links.ts';

export type { OsproxyV0Options } from './context.ts';

/** The wire that existing osproxy clients speak; docs/osproxy-v0.md describes it. */
export async function registerOsproxyV0(app: HttpServer, options: OsproxyV0Options): Promise<void> {
  const context = createContext(options);
  const jsonRoutes = [ping, health, uploadLinks, downloadLinks, resume, checkpoint, download, proxy];
  const bodyRoutes = [writeWhole, writePart, merge];
  await app.register(
    async (scope: HttpServer) => {
      const untyped = scope as unknown as FastifyInstance;
      answerErrors(untyped);
      readEveryBodyAsJson(untyped);
      for (const route of jsonRoutes) route(scope, context);
      await scope.register(async (bodies: HttpServer) => {
        leaveBodiesToRoutes(bodies as unknown as FastifyInstance);
        for (const route of bodyRoutes) route(bodies, context);
      });
    },
    { prefix: BASE_PATH },
  );
}

/** Clients of this wire were never asked for a Content-Type, so whatever they send counts as JSON. */
function readEveryBodyAsJson(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', { parseAs: 'string' }, scope.getDefaultJsonParser('error', 'error'));
}

import type { FastifyInstance } from 'fastify';
import { leaveBodiesToRoutes } from '../http/receive.ts';
import type { HttpServer } from '../http/server.ts';
import type { FilestoreOptions } from './context.ts';
import { answerErrors } from './errors.ts';
import { readForms } from './fields.ts';
import { deleteFile } from './routes/files/delete.ts';
import { download } from './routes/files/download.ts';
import { fastUpload } from './routes/files/fast-upload.ts';
import { meta } from './routes/files/meta.ts';
import { query } from './routes/files/query.ts';
import { update } from './routes/files/update.ts';
import { upload } from './routes/files/upload.ts';
import { uploadPage } from './routes/files/upload-page.ts';
import { cancelParts } from './routes/parts/cancel.ts';
import { completeParts } from './routes/parts/complete.ts';
import { initParts } from './routes/parts/init.ts';
import { partsStatus } from './routes/parts/status.ts';
import { writePart } from './routes/parts/write.ts';
import { userInfo } from './routes/users/info.ts';
import { signIn } from './routes/users/sign-in.ts';
import { signUp } from './routes/users/sign-up.ts';

const FILE_ROUTES = [
  ...[uploadPage, meta, query, download, update, deleteFile, fastUpload],
  ...[initParts, completeParts, cancelParts, partsStatus],
];
const BYTE_ROUTES = [upload, writePart];
const USER_ROUTES = [signUp, signIn, userInfo];

/** The wire of a small drive service in the field; docs/filestore.md describes it. */
export async function registerFilestore(app: HttpServer, options: FilestoreOptions): Promise<void> {
  await app.register(
    async (scope: HttpServer) => {
      prepare(scope);
      for (const route of FILE_ROUTES) route(scope, options);
      await scope.register(async (bytes: HttpServer) => {
        leaveBodiesToRoutes(bytes as unknown as FastifyInstance);
        for (const route of BYTE_ROUTES) route(bytes, options);
      });
    },
    { prefix: '/file' },
  );
  await app.register(
    async (scope: HttpServer) => {
      prepare(scope);
      for (const route of USER_ROUTES) route(scope, options);
    },
    { prefix: '/user' },
  );
}

function prepare(scope: HttpServer): void {
  const untyped = scope as unknown as FastifyInstance;
  answerErrors(untyped);
  readForms(untyped);
  scope.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store');
  });
}

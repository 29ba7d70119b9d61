import { enableCompileCache } from 'node:module';
import type { OpenService } from './commands/context.ts';

enableCompileCache();

const openService: OpenService = async (config, logger, process) =>
  (await import('#assemble')).openService(config, logger, process);

const { PrimaryLink } = await import('./processes/primary-link.ts');
const link = new PrimaryLink();
const { work } = await import('./processes/work.ts');
const code = await work(link, openService);

process.exitCode = code;
// Everything is closed by now; should something still hold the event loop, it must not hold the process.
setTimeout(() => process.exit(code), 1_000).unref();

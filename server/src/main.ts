import { enableCompileCache } from 'node:module';
import type { OpenService } from './commands/context.ts';

enableCompileCache();

// Whoever reads the output may have seen enough, such as `head`; the command goes on to its own end.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const openService: OpenService = async (config, logger) =>
  (await import('#assemble')).openService(config, logger);

const { run } = await import('./commands/run.ts');
const code = await run(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  print: (line) => process.stdout.write(`${line}\n`),
  complain: (line) => process.stderr.write(`${line}\n`),
  openService,
});

process.exitCode = code;
// Everything is closed by now; should something still hold the event loop, it must not hold the process.
setTimeout(() => process.exit(code), 1_000).unref();

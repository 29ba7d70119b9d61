import { runCommand, UsageError } from './command.ts';
import type { Context } from './context.ts';
import { explainFailure } from './failure.ts';
import { findCommand } from './index.ts';

/** Runs one command line to its exit code: 0 done, 1 failed or found something, 2 not understood. Never rejects. */
export async function run(argv: readonly string[], context: Context): Promise<number> {
  const [word = 'help', ...args] = argv;
  try {
    return await runCommand(await findCommand(word), args, context);
  } catch (error) {
    if (error instanceof UsageError) {
      context.complain(error.message);
      return 2;
    }
    for (const sentence of explainFailure(error)) context.complain(sentence);
    return 1;
  }
}

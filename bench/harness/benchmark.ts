import { machineLine, watchOthers } from './machine.ts';
import { stopAll } from './processes.ts';
import { MissingTool } from './tools.ts';
import { openWorkspace, type Workspace } from './workspace.ts';

export interface Benchmark {
  /** One line: what is compared with what. */
  readonly title: string;
  /** Free disk space the run needs at most; the run does not start without it. */
  readonly diskBytes: number;
  run(workspace: Workspace): Promise<void>;
}

/**
 * Runs a benchmark in a temporary folder and cleans up whatever happens. It measures and never judges, so the exit code is 0
 * also where it could not run; then one line on stderr says why.
 */
export async function benchmark({ title, diskBytes, run }: Benchmark): Promise<void> {
  console.log(`${title}\n${machineLine()}\n`);
  const others = watchOthers();
  let workspace: Workspace | undefined;
  let leaving: Promise<void> | undefined;
  // A second signal must not cut the cleaning short.
  const leave = () => {
    leaving ??= stopAll().finally(() => {
      workspace?.remove();
      process.exit(0);
    });
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, leave);
  try {
    workspace = openWorkspace(diskBytes);
    console.log(`working in ${workspace.path}\n`);
    await run(workspace);
  } catch (error) {
    // What breaks while everything is being stopped is no failure.
    await leaving;
    const expected = error instanceof MissingTool;
    console.error(`This benchmark could not run to its end: ${expected ? error.message : describe(error)}`);
  } finally {
    await stopAll();
    workspace?.remove();
    console.log(others() ?? '');
  }
  process.exit(0);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

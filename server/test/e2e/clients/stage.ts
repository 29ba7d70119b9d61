import { afterAll, beforeAll, beforeEach } from 'vitest';
import { ensurePackages, type Requirement } from '#test/services/packages.ts';
import { RestClient } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';
import { type Folder, type Ran, type RunOptions, run, temporaryFolder } from './commands.ts';

const INSTALL_WITHIN_MS = 600_000;

/** What every suite of this folder works with. */
export interface Stage {
  readonly service: RunningService;
  /** Speaks for the test itself, to prepare and to check. */
  readonly client: RestClient;
  readonly folder: Folder;
  readonly api: string;
  /** The header that shows the service key. */
  readonly key: string;
  /** Runs a program in the folder. */
  run(command: string, args: readonly string[], options?: Omit<RunOptions, 'cwd'>): Promise<Ran>;
}

export interface StageOptions {
  /** Programs that are installed where they are missing; where they cannot be, the tests are skipped with the reason. */
  readonly needs: readonly Requirement[];
  readonly env?: Record<string, string>;
  readonly prepare?: (stage: Stage) => Promise<void>;
}

/** A service, an empty folder and programs for the tests of one file; all are there while tests run. */
export function stage(options: StageOptions): () => Stage {
  let current: Stage | undefined;
  let absent: string | undefined;
  beforeAll(async () => {
    absent = await ensurePackages(options.needs);
    if (absent !== undefined) {
      if (process.env.CI === 'true') throw new Error(absent);
      return;
    }
    const service = await startService({ env: options.env ?? {} });
    const folder = await temporaryFolder();
    current = {
      service,
      folder,
      client: new RestClient(service.url, service.apiKey),
      api: `${service.url}/api/v1`,
      key: `Authorization: Bearer ${service.apiKey}`,
      run: (command, args, more = {}) => run(command, args, { ...more, cwd: folder.path }),
    };
    await options.prepare?.(current);
  }, INSTALL_WITHIN_MS);
  beforeEach(({ skip }) => {
    if (absent !== undefined) skip(absent);
  });
  afterAll(async () => {
    current?.client.close();
    await current?.service.close();
    await current?.folder.remove();
  });
  return () => {
    if (current === undefined) throw new Error('No test is running.');
    return current;
  };
}

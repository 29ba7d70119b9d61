import { complete } from './complete.ts';
import type { Config } from './config.ts';
import { ConfigError } from './config-error.ts';
import { newDraft } from './draft.ts';
import { readEnvironment } from './from-environment.ts';
import { readConfigFile } from './from-file.ts';
import { checkRelations } from './relations.ts';
import { checkValues } from './validate.ts';

export interface ConfigSource {
  readonly env: NodeJS.ProcessEnv;
  /** Relative paths and ./osproxy.yaml are looked up here. */
  readonly cwd: string;
}

/** Reads file and environment (which wins) without changing anything on disk; rejects with a ConfigError that lists every problem. */
export async function loadConfig(
  source: ConfigSource = { env: process.env, cwd: process.cwd() },
): Promise<Config> {
  const draft = newDraft();
  await readConfigFile(draft, source.env, source.cwd);
  readEnvironment(draft, source.env);
  checkValues(draft);
  if (draft.problems.length === 0) checkRelations(draft);
  if (draft.problems.length > 0) throw new ConfigError(draft.problems);
  return complete(draft, source.cwd);
}

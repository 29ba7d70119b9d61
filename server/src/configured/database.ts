import type { Config } from '#config/config.ts';
import type { Logger } from '#core/ports/logger.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { openMetadata, type ServerOptions } from '#drivers/metadata/index.ts';

export function openDatabase(config: Config, logger: Logger): Promise<Metadata> {
  const { url, replicas } = config.database;
  const { maxLagMs } = replicaTimes(config);
  return openMetadata(url, {
    logger,
    server: serverOptions(config),
    replicas: { urls: replicas, maxLagMs },
  });
}

export function replicaTimes({ database }: Config): { minAgeMs: number; maxLagMs: number } {
  return {
    minAgeMs: database.replicaMinAgeSeconds * 1000,
    maxLagMs: database.replicaMaxLagSeconds * 1000,
  };
}

export function replicaCheck({ replicas }: Metadata) {
  if (replicas === undefined) return [];
  const fix =
    'Check database.replicas, and that each replica runs and follows the primary; the service reads the primary meanwhile.';
  return [{ check: 'database replicas', fix, run: () => replicas.examine() }];
}

function serverOptions({ database }: Config): ServerOptions {
  return {
    poolSize: database.poolSize,
    acquireTimeoutMs: database.acquireTimeoutSeconds * 1000,
    connectTimeoutMs: database.connectTimeoutSeconds * 1000,
    statementTimeoutMs: database.statementTimeoutSeconds * 1000,
  };
}

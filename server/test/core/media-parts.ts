import type { Downloads } from '#core/downloads.ts';
import type { Ingest } from '#core/ingest.ts';
import { Thumbnails } from '#core/media/thumbnails.ts';
import type { Clock } from '#core/ports/clock.ts';
import type { Metadata } from '#core/ports/metadata.ts';
import { silentTelemetry } from '#core/ports/telemetry.ts';
import { ProcessMediaTools } from '#drivers/media/process-media-tools.ts';

const MEBIBYTE = 1 << 20;

/** What looks at contents in tests: with the limits of the configuration's defaults, nothing by itself. */
export function testMedia(
  dependencies: { metadata: Metadata; downloads: Downloads; ingest: Ingest; clock: Clock },
  { probes = false, eager = false } = {},
) {
  const tools = new ProcessMediaTools({
    ...{ maxImageBytes: 64 * MEBIBYTE, maxMediaBytes: 8 * MEBIBYTE, maxPixels: 100_000_000 },
    ...{ memoryBytes: 512 * MEBIBYTE, timeMs: 20_000, telemetry: silentTelemetry },
  });
  const sizes = [64, 256];
  const thumbnails = new Thumbnails({ ...dependencies, tools, thumbnails: { sizes, store: undefined } });
  const close = async () => {
    await thumbnails.close();
    await tools.close();
  };
  return { tools, thumbnails, probes, eager, close };
}

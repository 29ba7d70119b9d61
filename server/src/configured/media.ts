import type { Config } from '#config/config.ts';
import { MediaBoard } from '#core/media/media-board.ts';
import { MediaFiles } from '#core/media/media-files.ts';
import { type ThumbnailDependencies, Thumbnails } from '#core/media/thumbnails.ts';
import type { MediaTools } from '#core/ports/media-tools.ts';
import type { Telemetry } from '#core/ports/telemetry.ts';
import type { MediaWork } from '#core/tasks/probe.ts';
import { ProcessMediaTools } from '#drivers/media/process-media-tools.ts';

const MEBIBYTE = 1024 * 1024;

export interface MediaParts extends MediaWork {
  readonly tools: MediaTools;
  close(): Promise<void>;
}

/** What looks at images, films and sounds, as it is configured. Nothing is started before there is something to look at. */
export function configuredMedia(
  { media, thumbnails }: Config,
  dependencies: Omit<ThumbnailDependencies, 'tools' | 'thumbnails'> & { readonly telemetry: Telemetry },
): MediaParts {
  const tools = new ProcessMediaTools({
    maxImageBytes: media.maxImageMiB * MEBIBYTE,
    maxMediaBytes: media.maxReadMiB * MEBIBYTE,
    maxPixels: media.maxMegapixels * 1_000_000,
    memoryBytes: media.memoryMiB * MEBIBYTE,
    timeMs: media.timeoutSeconds * 1000,
    telemetry: dependencies.telemetry,
  });
  const { sizes, store, eager } = thumbnails;
  const made = new Thumbnails({ ...dependencies, tools, thumbnails: { sizes, store } });
  return {
    tools,
    thumbnails: made,
    probes: media.probe,
    eager,
    close: async () => {
      await made.close();
      await tools.close();
    },
  };
}

/** What the front ends see of it. */
export function mediaCore(
  { thumbnails }: MediaParts,
  dependencies: ConstructorParameters<typeof MediaBoard>[0],
) {
  return { thumbnails, media: new MediaFiles(dependencies), mediaBoard: new MediaBoard(dependencies) };
}

/** For the doctor: the library that reads images has a part for each platform, which may be missing on this one. */
export function mediaCheck(tools: MediaTools) {
  const fix =
    'Install the part of sharp for this platform (npm install in the folder of the service); until then images have neither size nor thumbnails, everything else works.';
  return [{ check: 'images', fix, run: () => tools.describe() }];
}

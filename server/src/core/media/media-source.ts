import type { Downloads } from '../downloads.ts';
import type { FileContent } from '../model/file.ts';
import type { MediaSource } from '../ports/media-tools.ts';

/** The content of a file, wherever it is, for those who look at it. */
export function mediaSource(downloads: Downloads, content: FileContent): MediaSource {
  return {
    size: content.file.size,
    contentType: content.file.contentType,
    read: async (offset, length, signal) => {
      const body = await downloads.read(content, { offset, length }, signal);
      try {
        const bytes = Buffer.allocUnsafe(length);
        let at = 0;
        for await (const chunk of body.chunks) {
          bytes.set(chunk, at);
          at += chunk.byteLength;
        }
        return bytes;
      } finally {
        await body.close();
      }
    },
  };
}

import { mayBeText } from '#core/previews/text-preview.ts';
import { mayShowInline } from './file-headers.ts';

export const PREVIEW_KINDS = ['image', 'audio', 'video', 'pdf', 'text', 'none'] as const;
export type PreviewKind = (typeof PREVIEW_KINDS)[number];

/** Of texts that are written in something else than UTF-8, which their bytes alone do not tell. */
const TEXT_NAME =
  /\.(txt|text|csv|tsv|log|md|ini|cfg|conf|nfo|srt|ass|html?|xml|json|ya?ml|toml|sql|c|h|cc|cpp|hpp|cs|java|kt|py|js|ts|css|php|rb|go|rs|sh|bat|ps1|tex|lrc|cue)$/i;

/** How a browser may show a content: as it is where nothing in it can run, as the text of its bytes, or not at all. */
export function previewKindOf(contentType: string, name: string): PreviewKind {
  const essence = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
  if (mayShowInline(essence)) {
    if (essence.startsWith('image/')) return 'image';
    if (essence.startsWith('audio/') || essence === 'application/ogg') return 'audio';
    if (essence.startsWith('video/')) return 'video';
    if (essence === 'application/pdf') return 'pdf';
  }
  if (essence === 'application/octet-stream') return TEXT_NAME.test(name) ? 'text' : 'none';
  return mayBeText(essence) ? 'text' : 'none';
}

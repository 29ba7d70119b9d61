import { fileTypeFromBuffer } from 'file-type';
import mime from 'mime';
import { CONTENT_TYPE_HEAD_BYTES, type ContentTyper } from '#core/ports/content-typer.ts';
import { looksLikeText } from './text.ts';

const UNKNOWN = 'application/octet-stream';

/** Types that are text although they are not called text/…; an extension alone decides among them. */
const TEXT_LIKE: ReadonlySet<string> = new Set([
  'application/ecmascript',
  'application/geo+json',
  'application/graphql',
  'application/json',
  'application/json5',
  'application/jsonl',
  'application/ld+json',
  'application/manifest+json',
  'application/node',
  'application/rtf',
  'application/sql',
  'application/toml',
  'application/x-httpd-php',
  'application/x-ndjson',
  'application/x-perl',
  'application/x-sh',
  'application/x-subrip',
  'application/x-tex',
  'application/xhtml+xml',
  'application/xml',
  'application/yaml',
  'image/svg+xml',
  'model/obj',
  'model/gltf+json',
]);

/** Extensions whose usual meaning here is text, where the registry of types gives them to something else. */
const TEXT_EXTENSIONS: ReadonlyMap<string, string> = new Map([
  ['rs', 'text/plain'],
  ['ts', 'text/plain'],
  ['mts', 'text/plain'],
  ['cts', 'text/plain'],
  ['tsx', 'text/plain'],
]);

/** Binary formats without a signature, so that only the extension tells them; none of them is ever shown inline. */
const WITHOUT_MAGIC: ReadonlySet<string> = new Set(['tga']);

/** Containers whose content is told apart by their extension when the first bytes say no more than the container. */
const CONTAINERS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  [
    'application/zip',
    new Set([
      'docx',
      'docm',
      'dotx',
      'xlsx',
      'xlsm',
      'xltx',
      'pptx',
      'pptm',
      'ppsx',
      'potx',
      'vsdx',
      'odt',
      'ods',
      'odp',
      'odg',
      'odf',
      'epub',
      'jar',
      'apk',
      'kmz',
      'cbz',
      'key',
      'numbers',
      'pages',
    ]),
  ],
  [
    'application/x-cfb',
    new Set(['doc', 'dot', 'xls', 'xlt', 'ppt', 'pps', 'pot', 'msg', 'msi', 'vsd', 'pub', 'mpp']),
  ],
]);

/** Magic bytes first, then whether it is text, then the extension; a claim of the client plays no part. */
export const fileTypeContentTyper: ContentTyper = {
  detect: async (head, name) => {
    try {
      return await detect(head, name);
    } catch {
      return UNKNOWN;
    }
  },
};

async function detect(head: Uint8Array, name: string): Promise<string> {
  const extension = extensionOf(name);
  const byMagic = await magic(head);
  if (byMagic !== undefined) return refine(byMagic, head, extension);
  const byName = typeOfExtension(extension);
  if (looksLikeText(head, isWhole(head))) {
    if (byName !== undefined && isTextLike(byName)) return byName;
    return head.length === 0 ? UNKNOWN : 'text/plain';
  }
  return byName !== undefined && WITHOUT_MAGIC.has(extension) && !isTextLike(byName) ? byName : UNKNOWN;
}

/** A broken file may make the parser fail; then nothing is known. */
async function magic(head: Uint8Array): Promise<string | undefined> {
  if (head.length === 0) return undefined;
  const found = await fileTypeFromBuffer(head).catch(() => undefined);
  return found?.mime.split(';', 1)[0]?.trim().toLowerCase();
}

function refine(found: string, head: Uint8Array, extension: string): string {
  const byName = typeOfExtension(extension);
  if (CONTAINERS.get(found)?.has(extension)) return byName ?? found;
  // XML says what it is about by its name (SVG, XHTML, feeds).
  if (found === 'application/xml' && byName !== undefined && isTextLike(byName)) return byName;
  // A few formats announce themselves with plain letters that a text may start with as well.
  if (byName !== undefined && isTextLike(byName) && looksLikeText(head, isWhole(head))) return byName;
  return found;
}

function isWhole(head: Uint8Array): boolean {
  return head.length < CONTENT_TYPE_HEAD_BYTES;
}

function isTextLike(type: string): boolean {
  return type.startsWith('text/') || type.endsWith('+xml') || type.endsWith('+json') || TEXT_LIKE.has(type);
}

function typeOfExtension(extension: string): string | undefined {
  if (extension === '') return undefined;
  return TEXT_EXTENSIONS.get(extension) ?? mime.getType(extension)?.toLowerCase();
}

function extensionOf(name: string): string {
  const base = name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1);
  const dot = base.lastIndexOf('.');
  return dot === -1 ? '' : base.slice(dot + 1).toLowerCase();
}

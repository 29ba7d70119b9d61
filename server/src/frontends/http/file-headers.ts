import { create as contentDisposition } from 'content-disposition';
import type { FileRecord } from '#core/model/file.ts';

/** What a browser may show: it cannot run anything of ours in these, given nosniff and the sandbox. */
const INLINE_TYPES: ReadonlySet<string> = new Set([
  'image/apng',
  'image/avif',
  'image/bmp',
  'image/gif',
  'image/heic',
  'image/heif',
  'image/jpeg',
  'image/jxl',
  'image/png',
  'image/tiff',
  'image/webp',
  'image/x-icon',
  'image/vnd.microsoft.icon',
  'application/pdf',
  'application/ogg',
  'text/plain',
]);

const SEALED = "default-src 'none'; sandbox";
/** A browser builds a page of its own around an image and styles it inline. */
const SEALED_IMAGE = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
/** The page it builds around audio or video loads the address once more, as a page of this origin; scripts stay forbidden. */
const SEALED_MEDIA =
  "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; sandbox allow-same-origin";

export function mayShowInline(contentType: string): boolean {
  const essence = essenceOf(contentType);
  return INLINE_TYPES.has(essence) || essence.startsWith('audio/') || essence.startsWith('video/');
}

export interface Presentation {
  readonly disposition: 'inline' | 'attachment';
  /** Shown to the user; default: the file's own name. */
  readonly name?: string | undefined;
}

/** Headers that keep content of strangers from doing anything in a browser, whatever it is. */
export function presentationHeaders(file: FileRecord, presentation: Presentation): Record<string, string> {
  const inline = presentation.disposition === 'inline' && mayShowInline(file.contentType);
  return {
    'content-type': wireType(file.contentType),
    'content-disposition': dispositionOf(presentation.name ?? file.name, inline ? 'inline' : 'attachment'),
    'x-content-type-options': 'nosniff',
    'content-security-policy': inline ? policyOf(essenceOf(file.contentType)) : SEALED,
    'referrer-policy': 'no-referrer',
  };
}

/** The same for what is always saved and never shown. */
export function attachmentHeaders(name: string, contentType: string): Record<string, string> {
  return {
    'content-type': contentType,
    'content-disposition': dispositionOf(name, 'attachment'),
    'x-content-type-options': 'nosniff',
    'content-security-policy': SEALED,
    'referrer-policy': 'no-referrer',
  };
}

/** A strong tag: a generation's bytes never change, whatever they are stored in. */
export function entityTag(file: FileRecord, variant?: string): string {
  const suffix = variant === undefined ? '' : `-${variant}`;
  return `"${BigInt(file.uid).toString(36)}-${file.generation}${suffix}"`;
}

function dispositionOf(name: string, type: 'inline' | 'attachment'): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out, as a header may not hold them.
  const clean = name.toWellFormed().replace(/[\x00-\x1f\x7f]/g, '_');
  return contentDisposition(clean, { type });
}

function policyOf(essence: string): string {
  if (essence.startsWith('image/')) return SEALED_IMAGE;
  const plays = essence.startsWith('audio/') || essence.startsWith('video/') || essence === 'application/ogg';
  return plays ? SEALED_MEDIA : SEALED;
}

function wireType(contentType: string): string {
  return contentType === 'text/plain' ? 'text/plain; charset=utf-8' : contentType;
}

function essenceOf(contentType: string): string {
  const semicolon = contentType.indexOf(';');
  return (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
}

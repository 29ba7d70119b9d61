/** Why nothing is known about a content, or no smaller picture of it can be made. */
export const MEDIA_REASONS = [
  /** Of a kind that is not looked at, such as SVG. */
  'unsupported',
  /** More bytes than are looked at. */
  'too-large',
  'too-many-pixels',
  /** Cut short, or not what it says it is. */
  'damaged',
  /** An image that is a page or a program as well. */
  'disguised',
  /** It took more memory or time than it may, or ended the process that looked at it. */
  'memory',
  'time',
  'crashed',
] as const;
export type MediaReason = (typeof MEDIA_REASONS)[number];

/** What is known about an image, a film or a sound. */
export interface MediaFacts {
  /** Such as `jpeg` or `matroska`. */
  readonly format: string;
  /** As it is shown, turned as EXIF says. Pixels. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly durationMs: number | undefined;
}

export interface MediaRefusal {
  readonly reason: MediaReason;
  /** A sentence for people. */
  readonly message: string;
}

/** What looking at a content has found. */
export type MediaRecord = {
  /** "sha256:size": equal contents are looked at once. */
  readonly identity: string;
  readonly probedAt: number;
  /** A file that has the content. */
  readonly uid: string;
} & (
  | { readonly facts: MediaFacts; readonly refusal: undefined }
  | { readonly facts: undefined; readonly refusal: MediaRefusal }
);

export type ThumbnailFormat = 'webp' | 'jpeg';

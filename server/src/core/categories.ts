export const CATEGORIES = ['image', 'video', 'audio', 'doc', 'archive', 'unknown'] as const;

/** What kind of file a name suggests. */
export type Category = (typeof CATEGORIES)[number];

const EXTENSIONS: Readonly<Record<Exclude<Category, 'unknown'>, string>> = {
  image: 'jpg jpeg jpe jfif png apng gif bmp webp svg tif tiff ico heic heif avif jxl psd raw',
  video: 'mp4 m4v avi wmv mpeg mpg mpe mov mkv webm flv f4v 3gp 3g2 ts mts m2ts vob ogv rm rmvb asf',
  audio: 'mp3 wav flac aac m4a ogg oga opus wma ape amr aif aiff mid midi',
  doc: 'pdf doc docx dot dotx ppt pptx pps ppsx xls xlsx xlsm csv txt md rtf odt ods odp epub wps et dps',
  archive: 'zip rar tar gz tgz 7z bz2 tbz2 xz txz zst lz lz4 lzma cab iso jar war',
};

const BY_EXTENSION: ReadonlyMap<string, Category> = new Map(
  Object.entries(EXTENSIONS).flatMap(([category, extensions]) =>
    extensions.split(' ').map((extension) => [extension, category as Category] as const),
  ),
);

/** By the extension in lower case, without its dot. */
export function categoryOf(extension: string): Category {
  return BY_EXTENSION.get(extension) ?? 'unknown';
}

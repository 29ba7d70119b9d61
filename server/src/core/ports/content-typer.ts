/** Decides a media type from what the bytes are, then from the name; what a client claims counts for nothing. */
export interface ContentTyper {
  /**
   * `head` is the start of the content: its first 4100 bytes, or all of it where it is shorter.
   * Returns a lower-case media type, 'application/octet-stream' when nothing is sure. Never rejects.
   */
  detect(head: Uint8Array, name: string): Promise<string>;
}

/** Bytes of the start of a content that detect() wants to see. */
export const CONTENT_TYPE_HEAD_BYTES = 4100;

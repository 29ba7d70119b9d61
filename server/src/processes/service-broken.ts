/** The processes cannot serve; the sentences say why. */
export class ServiceBroken extends Error {
  readonly sentences: readonly string[];

  constructor(sentences: readonly string[]) {
    super(sentences.join(' '));
    this.sentences = sentences;
  }
}

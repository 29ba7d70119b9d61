export interface Mail {
  readonly to: string;
  readonly subject: string;
  /** Plain text; lines end with \n. */
  readonly text: string;
}

/** Sends mail. */
export interface Mailer {
  /** Resolves when the next server has taken it; rejects with Unavailable when it could not be handed over, InvalidArgument for an address that the server refuses. */
  send(mail: Mail): Promise<void>;
  /** Resolves with what it found; rejects when the server cannot be used. */
  check(): Promise<string>;
  close(): void;
}

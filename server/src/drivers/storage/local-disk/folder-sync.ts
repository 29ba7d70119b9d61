/** A folder held open so that its entries can be made durable. */
export interface OpenFolder {
  sync(): Promise<void>;
  close(): Promise<void>;
}

interface Rounds {
  handle: Promise<OpenFolder>;
  running: Promise<void>;
  next: Promise<void> | undefined;
}

/**
 * Makes folder entries durable, many callers with one fsync: whoever asks while one runs shares the one that starts after it, so
 * that the sync a caller waits for has always started after the call. A folder stays open only while somebody waits for it.
 */
export class FolderSync {
  readonly #open: (folder: string) => Promise<OpenFolder>;
  readonly #busy = new Map<string, Rounds>();

  constructor(open: (folder: string) => Promise<OpenFolder>) {
    this.#open = open;
  }

  /** Resolves when every change made in the folder before this call is durable. */
  sync(folder: string): Promise<void> {
    const busy = this.#busy.get(folder);
    if (busy === undefined) return this.#begin(folder);
    busy.next ??= this.#after(busy, folder);
    return busy.next;
  }

  #begin(folder: string): Promise<void> {
    const handle = this.#open(folder);
    const running = handle.then((opened) => opened.sync());
    const rounds: Rounds = { handle, running, next: undefined };
    this.#busy.set(folder, rounds);
    this.#endWhenIdle(folder, rounds, running);
    return running;
  }

  async #after(rounds: Rounds, folder: string): Promise<void> {
    await rounds.running.catch(() => undefined);
    rounds.next = undefined;
    const running = rounds.handle.then((opened) => opened.sync());
    rounds.running = running;
    this.#endWhenIdle(folder, rounds, running);
    return running;
  }

  #endWhenIdle(folder: string, rounds: Rounds, running: Promise<void>): void {
    const end = (): void => {
      if (rounds.next !== undefined) return;
      this.#busy.delete(folder);
      rounds.handle.then((opened) => opened.close()).catch(() => undefined);
    };
    running.then(end, end);
  }
}

import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { FirstSteps } from '../commands/first-steps.ts';
import type { Taker } from './front-door.ts';
import type { Question, ToPrimary, ToWorker } from './messages.ts';
import { Questions } from './questions.ts';
import { relayLines } from './relay-lines.ts';

export interface WorkerEvents {
  prepared(worker: WorkerProcess, steps: FirstSteps): void;
  listening(worker: WorkerProcess): void;
  /** It has the connection it was given, and can take another. */
  free(worker: WorkerProcess): void;
  /** What the answer is depends on the question. */
  asked(worker: WorkerProcess, question: Question): Promise<unknown>;
  ended(worker: WorkerProcess, how: string): void;
}

export interface WorkerOptions {
  readonly script: URL;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Gets whole lines. */
  readonly log: (lines: string) => void;
}

const CONNECTION: ToWorker = { kind: 'connection' };

/** One process of the node as its primary sees it. */
export class WorkerProcess implements Taker {
  readonly number: number;
  readonly bornAt = performance.now();
  /** Resolves when the process is gone and all it wrote has been relayed. */
  readonly closed: Promise<void>;
  /** It can be asked and serves, or ends its last transfers. */
  serving = false;
  /** It has asked whether it is the last, and will not serve again. */
  leaving = false;
  /** Why it could not start, as it said itself. */
  sentences: readonly string[] | undefined;
  readonly #child: ChildProcess;
  readonly #events: WorkerEvents;
  readonly #questions: Questions;
  #inFlight: Socket | undefined;

  constructor(number: number, options: WorkerOptions, events: WorkerEvents) {
    this.number = number;
    this.#events = events;
    this.#child = fork(fileURLToPath(options.script), [], {
      env: options.env,
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    this.#questions = new Questions((message) => this.send(message));
    if (this.#child.stdout !== null) relayLines(this.#child.stdout, options.log);
    this.#child.on('message', (message: ToPrimary) => void this.#hear(message));
    this.closed = new Promise((resolve) => {
      const end = (how: string) => {
        this.serving = false;
        this.#questions.close();
        events.ended(this, how);
        resolve();
      };
      // 'close' comes when all that the process said has been heard; a process that was never born does not close.
      this.#child.once('error', (error) => {
        if (this.#child.pid === undefined) end(error.message);
      });
      this.#child.once('close', (code, signal) =>
        end(signal === null ? `exit code ${code}` : `signal ${signal}`),
      );
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** A message to a process that is ending is lost. */
  send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  /** This process keeps its own hold on the connection until the other one says that it has it. */
  take(socket: Socket): void {
    this.#inFlight = socket;
    if (this.#child.connected) this.#child.send(CONNECTION, socket, { keepOpen: true }, () => {});
  }

  /** The connection that the process was given and never touched. */
  untaken(): Socket | undefined {
    const socket = this.#inFlight;
    this.#inFlight = undefined;
    return socket;
  }

  ask(question: Question, withinMs: number): Promise<unknown> {
    return this.#questions.ask(question, withinMs);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async #hear(message: ToPrimary): Promise<void> {
    switch (message.kind) {
      case 'prepared':
        return this.#events.prepared(this, message.steps);
      case 'listening':
        this.serving = true;
        return this.#events.listening(this);
      case 'failed':
        this.sentences = message.sentences;
        return;
      case 'taken':
        this.untaken()?.destroy();
        return this.#events.free(this);
      case 'answer':
        return this.#questions.answered(message.id, message.value);
      case 'question': {
        const value = await this.#events.asked(this, message.question);
        return this.send({ kind: 'answer', id: message.id, value });
      }
    }
  }
}

import type { Config } from '#config/config.ts';
import type { FirstSteps } from '../commands/first-steps.ts';

/** Asked by a worker of its primary, or by the primary of a worker. */
export type Question =
  | { readonly what: 'hear'; readonly topic: string; readonly message: string }
  /** A worker gives its own values along and gets those of all; the primary asks a worker for its own. */
  | { readonly what: 'metrics'; readonly own?: unknown }
  /** A worker gets the loads of the others; the primary asks a worker for its own. */
  | { readonly what: 'load' }
  | { readonly what: 'last' };

type Exchange =
  | { readonly kind: 'question'; readonly id: number; readonly question: Question }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown };

export interface Beginning {
  readonly kind: 'begin';
  readonly config: Config;
  /** 1 to the number of processes; a process that takes the place of another has its number. */
  readonly number: number;
  /** This process prepares the database for all. */
  readonly prepares: boolean;
  /** This process speaks for the node from its start on. */
  readonly speaks: boolean;
  /** When the node was started, in milliseconds since the epoch. */
  readonly startedAt: number;
}

export type ToWorker =
  | Exchange
  | Beginning
  | { readonly kind: 'listen'; readonly url: string }
  /** Comes with a socket. */
  | { readonly kind: 'connection' }
  | { readonly kind: 'unready' }
  /** From now on this process speaks for the node. */
  | { readonly kind: 'speak' }
  | { readonly kind: 'stop' };

export type ToPrimary =
  | Exchange
  | { readonly kind: 'prepared'; readonly steps: FirstSteps }
  | { readonly kind: 'listening' }
  | { readonly kind: 'failed'; readonly sentences: readonly string[] }
  /** The connection has arrived; the next may come. */
  | { readonly kind: 'taken' };

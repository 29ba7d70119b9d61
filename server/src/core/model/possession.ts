/** A question that only somebody who has the content can answer; kept until it is answered once or its time is over. */
export interface PossessionChallenge {
  readonly id: string;
  readonly userId: string;
  /** Of the content that is asked for; lower-case hex. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  /** Key of the answer, which the ranges follow from as well; lower-case hex. */
  readonly nonce: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

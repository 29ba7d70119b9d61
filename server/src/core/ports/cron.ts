/** Reads cron expressions. */
export interface Cron {
  /**
   * The first time after `after` (milliseconds since the epoch) that an expression of five or six fields names in a time zone of the IANA
   * database; undefined when there is none. Throws InvalidArgument, with a sentence about the value, for one that cannot be read.
   */
  next(expression: string, timeZone: string, after: number): number | undefined;
}

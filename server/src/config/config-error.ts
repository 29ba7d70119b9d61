import { OsproxyError } from '#core/errors.ts';

/** The configuration cannot be used; `problems` are whole sentences for the person who wrote it. */
export class ConfigError extends OsproxyError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[], cause?: unknown) {
    super('InvalidArgument', problems.join('\n'), { details: { problems }, cause });
    this.problems = problems;
  }
}

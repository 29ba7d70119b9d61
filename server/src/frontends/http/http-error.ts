import { type ErrorCode, type ErrorOptions, OsproxyError } from '#core/errors.ts';

export interface HttpErrorOptions extends ErrorOptions {
  /** Headers the answer must carry whatever its body looks like. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A failure that HTTP itself gives a status to (405, 408, 414, 431 …); every front end keeps that status and adds its own body. */
export class HttpError extends OsproxyError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: ErrorCode, message: string, options: HttpErrorOptions = {}) {
    super(code, message, options);
    this.status = status;
    this.headers = options.headers ?? {};
  }
}

import type { CompiledQuery } from 'kysely';
import type { Dialect, Result, Session } from './session.ts';

class Marker {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

interface Compiled {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

interface Compilable<R> {
  compile(): CompiledQuery<R>;
}

/**
 * A query of fixed shape: built and compiled once per dialect, then run with other parameters, since building costs more than
 * SQLite needs to answer.
 */
export class Statement<P extends object, R> {
  readonly #build: (dialect: Dialect, parameters: P) => Compilable<R>;
  readonly #compiled = new WeakMap<Dialect, Compiled>();

  constructor(build: (dialect: Dialect, parameters: P) => Compilable<R>) {
    this.#build = build;
  }

  async all(session: Session, values: P): Promise<readonly R[]> {
    return (await this.#execute(session, values)).rows;
  }

  async first(session: Session, values: P): Promise<R | undefined> {
    return (await this.#execute(session, values)).rows[0];
  }

  /** Resolves how many rows were touched. */
  async run(session: Session, values: P): Promise<number> {
    return (await this.#execute(session, values)).changes;
  }

  #execute(session: Session, values: P): Promise<Result<R>> {
    const { sql, parameters } = this.#compile(session.dialect);
    const named = values as Readonly<Record<string, unknown>>;
    const actual = new Array<unknown>(parameters.length);
    for (let i = 0; i < actual.length; i++) {
      const parameter = parameters[i];
      actual[i] = parameter instanceof Marker ? named[parameter.name] : parameter;
    }
    return session.execute(sql, actual) as Promise<Result<R>>;
  }

  #compile(dialect: Dialect): Compiled {
    const known = this.#compiled.get(dialect);
    if (known !== undefined) return known;
    const markers = new Proxy({}, { get: (_, name) => new Marker(String(name)) }) as P;
    const { sql, parameters } = this.#build(dialect, markers).compile();
    const compiled = { sql, parameters };
    this.#compiled.set(dialect, compiled);
    return compiled;
  }
}

/** Runs a query whose shape depends on the call. */
export function runQuery<R>(session: Session, query: Compilable<R>): Promise<Result<R>> {
  const { sql, parameters } = query.compile();
  return session.execute(sql, parameters) as Promise<Result<R>>;
}

/** As `runQuery` for one whose effect this transaction need not see. */
export async function runAtCommit(session: Session, query: Compilable<unknown>): Promise<void> {
  const { sql, parameters } = query.compile();
  if (session.atCommit === undefined) await session.execute(sql, parameters);
  else session.atCommit(sql, parameters);
}

/** The named parameters of these columns, as the values of an insert. */
export function pick<P extends object, K extends keyof P>(parameters: P, columns: readonly K[]): Pick<P, K> {
  return Object.fromEntries(columns.map((column) => [column, parameters[column]])) as Pick<P, K>;
}

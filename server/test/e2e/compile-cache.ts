const { NODE_COMPILE_CACHE } = process.env;

/** Environment of a process of the service: the compiled code that `npm start` and `npm test` keep, so that it begins as fast as for users. */
export const COMPILE_CACHE: Readonly<Record<string, string>> =
  NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };

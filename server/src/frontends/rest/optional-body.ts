/** For routes all of whose body fields are optional: no body at all is the empty document. */
export async function emptyWithoutBody(request: { body: unknown }): Promise<void> {
  request.body ??= {};
}

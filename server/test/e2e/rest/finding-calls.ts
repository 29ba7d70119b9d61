/** Calls by which people find what they have, with what their bodies need. */
export const FINDING_CALLS: Readonly<Record<string, readonly string[]>> = {
  'GET /drive/search': [],
  'POST /drive/instant-uploads': ['size', 'sha256'],
  'POST /drive/instant-uploads/{id}/answer': ['proof', 'parentId', 'name'],
};

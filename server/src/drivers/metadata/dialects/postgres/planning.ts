/**
 * Begins a statement whose best plan depends on its values. It is not prepared under a name: after some runs the server would plan it once for all values, and
 * then walk a million rows for what an index finds at once.
 */
export const PLANNED_ANEW = '/* planned anew */';

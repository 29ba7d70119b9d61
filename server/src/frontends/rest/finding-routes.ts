import { answerChallenge } from './routes/instant/answer.ts';
import { createChallenge } from './routes/instant/challenge.ts';
import { searchNames } from './routes/search/names.ts';

/** How people find what they have: by its name, and by its content. */
export const FINDING_ROUTES = [searchNames, createChallenge, answerChallenge];

import { metadataContract } from './metadata-contract.ts';
import { temporaryDatabase } from './metadata-temporary.ts';

metadataContract('SQLite', temporaryDatabase);

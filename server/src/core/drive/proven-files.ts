import type { Entry } from '../model/entry.ts';
import type { PersonPrincipal } from '../model/principal.ts';
import type { Challenge, Possession } from '../possession/possession.ts';
import type { Drive } from './drive.ts';
import type { NewDriveFile } from './drive-uploads.ts';

/** Where a file goes, and what shows that the person has its content. */
export interface Answer extends Pick<NewDriveFile, 'parentId' | 'path' | 'name' | 'conflict'> {
  /** In hex; see Possession.answer. */
  readonly proof: string;
}

/** Files that people need not send, since they can show that they have the content. */
export class ProvenFiles {
  readonly #possession: Possession;
  readonly #drive: Drive;

  constructor({ possession, drive }: { readonly possession: Possession; readonly drive: Drive }) {
    this.#possession = possession;
    this.#drive = drive;
  }

  /** As Possession.challenge. */
  challenge(
    person: PersonPrincipal,
    content: { readonly sha256: string; readonly size: number },
  ): Promise<Challenge | undefined> {
    return this.#possession.challenge(person, content);
  }

  /** The new file in its folder; undefined where the content has to be uploaded. The room that it needs is taken in the same transaction. Throws what an upload to this place throws. */
  async answer(
    person: PersonPrincipal,
    id: string,
    { proof, ...place }: Answer,
    signal: AbortSignal,
  ): Promise<Entry | undefined> {
    let entry: Entry | undefined;
    const placed = this.#drive.uploads.placing(person.userId, place, (made) => {
      entry = made;
    });
    const file = await this.#possession.answer(person, id, { proof, name: place.name, placed }, signal);
    return file === undefined ? undefined : entry;
  }
}

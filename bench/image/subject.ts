/** What the bench measures: something that finds faces in pictures, alone or behind HTTP. */

import type { Form } from './forms.ts';
import type { Picture } from './pictures.ts';
import type { Box } from './same-faces.ts';

export interface Load {
  picture: Picture;
  form: Form;
  /** Images in progress at any time. Bare loops have one each and ignore it. */
  callers: number;
  /** Duration, ms. What is in progress then is finished and counted. */
  ms: number;
}

export interface Subject extends AsyncDisposable {
  /** For the tables. */
  readonly title: string;
  /** Whether the number of callers makes a difference. */
  readonly callers: boolean;
  /** The forms of an image that it takes. */
  readonly forms: readonly Form[];
  /** Finds the faces of a picture in the way that is measured. @returns boxes in px, in any sequence */
  detect(picture: Picture): Promise<Box[]>;
  /** Processes images for a while. @returns the ms that each took */
  run(load: Load): Promise<number[]>;
  /** Its processes by role. That of the bench is one of them only where it sends the images. */
  processes(): Record<string, number[]>;
}

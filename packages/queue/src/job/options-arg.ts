import { type DetectionOptions, storedOptions } from '@facequeue/schema';
import { type Arg, group, optional, text } from '../redis/define-script.ts';

const fields = group({ options: text, more: optional(text) });

/** Detection options as a script's argument. In Lua: `options`, which every release reads, and `more` or nil (see `storedOptions`). */
export const optionsArg: Arg<DetectionOptions> = {
  ...fields,
  encode: (value) => {
    const { options, moreOptions } = storedOptions(value);
    return fields.encode({ options, more: moreOptions });
  },
};

import { type DetectionOptions, storedOptions } from '@facequeue/schema';
import { type Arg, group, optional, text } from '../redis/define-script.ts';

const fields = group({ options: text, more: optional(text) });

/** Detection options as a script's argument: in Lua `options`, for releases since 0.1.0, and `more` or nil (see `storedOptions`). */
export const optionsArg: Arg<DetectionOptions> = {
  ...fields,
  encode: (value) => {
    const { options, moreOptions } = storedOptions(value);
    return fields.encode({ options, more: moreOptions });
  },
};

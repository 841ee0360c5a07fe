import { fileURLToPath } from 'node:url';
import { GlobalFonts } from '@napi-rs/canvas';

/** The name under which the font is registered; no font of the machine has it. */
export const FONT_FAMILY = 'facequeue-label';

/**
 * B612 bold (SIL Open Font License 1.1), made for cockpit displays: its digits are legible at small sizes.
 * Registered from its file, so that a machine without fonts draws the same picture.
 */
const FILE = fileURLToPath(import.meta.resolve('@fontsource/b612/files/b612-latin-700-normal.woff2'));

if (!GlobalFonts.registerFromPath(FILE, FONT_FAMILY)) throw new Error(`the font ${FILE} cannot be read`);

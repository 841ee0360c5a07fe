/**
 * The characters of a face's label, five by seven. A font file would be one more thing a container can lack, and
 * the decoder keeps vector formats switched off.
 */
const ROWS = 7;
export const GLYPH_WIDTH = 5;
export const GLYPH_HEIGHT = ROWS;

const DRAWN: Record<string, string> = {
  '0': '.###. #...# #..## #.#.# ##..# #...# .###.',
  '1': '..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.',
  '2': '.###. #...# ....# ..##. .#... #.... #####',
  '3': '.###. #...# ....# ..##. ....# #...# .###.',
  '4': '...#. ..##. .#.#. #..#. ##### ...#. ...#.',
  '5': '##### #.... ####. ....# ....# #...# .###.',
  '6': '..##. .#... #.... ####. #...# #...# .###.',
  '7': '##### ....# ...#. ..#.. .#... .#... .#...',
  '8': '.###. #...# #...# .###. #...# #...# .###.',
  '9': '.###. #...# #...# .#### ....# ...#. .##..',
  '.': '..... ..... ..... ..... ..... .##.. .##..',
  a: '..... ..... .###. ....# .#### #...# .####',
  e: '..... ..... .###. #...# ##### #.... .###.',
  f: '..##. .#... .#... ####. .#... .#... .#...',
  l: '.##.. ..#.. ..#.. ..#.. ..#.. ..#.. .###.',
  m: '..... ..... ##.#. #.#.# #.#.# #.#.# #.#.#',
};

/** Whether a character has ink at a place of its grid; blank for characters that are not drawn. */
export function inked(character: string, column: number, row: number): boolean {
  return DRAWN[character]?.[row * (GLYPH_WIDTH + 1) + column] === '#';
}

import type { SKRSContext2D } from '@napi-rs/canvas';
import { FONT_FAMILY } from './font.ts';
import { BOX_COLOUR, clamp, faceSide, TEXT_COLOUR } from './style.ts';
import type { DrawableFace, Picture, Rectangle } from './types.ts';

/** A text on a filled plate. */
export interface Label {
  text: string;
  /** px */
  fontSize: number;
  /** Of the plate, px. */
  width: number;
  height: number;
}

/** Smaller text is illegible. */
const MIN_FONT_SIZE = 11;
const MAX_FONT_SIZE = 72;
/** Space left and right of the text, and the plate's height, in font sizes. */
const PADDING = 0.32;
const PLATE_HEIGHT = 1.32;
/** Height of B612's capitals and digits, in font sizes. */
const CAP_HEIGHT = 0.71;

/** Text size, px: a seventh of the face; in a large picture at least the size that stays legible when the picture fills a screen. */
export function fontSizeOf(side: number, picture: Pick<Picture, 'width' | 'height'>): number {
  const onScreen = Math.max(picture.width, picture.height) / 120;
  return Math.round(clamp(Math.max(side / 7.5, Math.min(onScreen, side / 3.5)), MIN_FONT_SIZE, MAX_FONT_SIZE));
}

/** Gender and age, or the confidence of a face without attributes. */
export function labelText({ attributes, confidence }: DrawableFace): string {
  if (!attributes) return confidence.toFixed(2);
  return `${attributes.male >= 0.5 ? 'male' : 'female'} ${Math.round(attributes.age)}`;
}

export function createLabel(context: SKRSContext2D, face: DrawableFace, picture: Picture): Label {
  const text = labelText(face);
  const fontSize = fontSizeOf(faceSide(face.box), picture);
  context.font = `${fontSize}px ${FONT_FAMILY}`;
  return {
    text,
    fontSize,
    width: Math.ceil(context.measureText(text).width + 2 * PADDING * fontSize),
    height: Math.ceil(PLATE_HEIGHT * fontSize),
  };
}

export function drawLabel(context: SKRSContext2D, { text, fontSize }: Label, plate: Rectangle): void {
  context.fillStyle = BOX_COLOUR;
  context.fillRect(plate.x, plate.y, plate.width, plate.height);
  context.font = `${fontSize}px ${FONT_FAMILY}`;
  context.fillStyle = TEXT_COLOUR;
  context.textBaseline = 'alphabetic';
  context.fillText(text, plate.x + PADDING * fontSize, plate.y + (plate.height + CAP_HEIGHT * fontSize) / 2);
}

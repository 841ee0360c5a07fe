/**
 * Where an image lies inside the network's input. The letterbox is tight: the image fills the top left corner; the right
 * and bottom are padded to the next multiple, never to a square (19-29 % less work for 16:9).
 */
import type { Size } from '../image/index.ts';

/** The geometry of one detector pass. All sizes in px. */
export interface Letterbox {
  /** The size to which the image is shrunk before it enters the graph; its own size when the graph enlarges it. */
  readonly content: Size;
  /** The graph's input array: the content in its top left corner, the rest black. */
  readonly canvas: Size;
  /** The size the network works at; larger than the canvas when the graph enlarges. */
  readonly net: Size;
  /** Network px per image px on each axis; they differ only by rounding to whole pixels. */
  readonly scaleX: number;
  readonly scaleY: number;
}

const ceilTo = (value: number, multiple: number) => Math.max(multiple, Math.ceil(value / multiple) * multiple);

/**
 * @param image size of the image, px
 * @param scale network px per image px; below 1 the image is shrunk outside the graph, above 1 enlarged inside it
 * @param multiple the network's sides are multiples of this
 */
export function letterbox(image: Size, scale: number, multiple: number): Letterbox {
  if (scale <= 1) {
    const content = {
      width: Math.max(1, Math.round(image.width * scale)),
      height: Math.max(1, Math.round(image.height * scale)),
    };
    const net = { width: ceilTo(content.width, multiple), height: ceilTo(content.height, multiple) };
    return {
      content,
      canvas: net,
      net,
      scaleX: content.width / image.width,
      scaleY: content.height / image.height,
    };
  }
  // The graph stretches the whole canvas to the net's size, so the canvas must have the net's aspect ratio.
  const net = {
    width: ceilTo(Math.round(image.width * scale), multiple),
    height: ceilTo(Math.round(image.height * scale), multiple),
  };
  const canvas = {
    width: Math.max(image.width, Math.round(net.width / scale)),
    height: Math.max(image.height, Math.round(net.height / scale)),
  };
  return {
    content: { width: image.width, height: image.height },
    canvas,
    net,
    scaleX: net.width / canvas.width,
    scaleY: net.height / canvas.height,
  };
}

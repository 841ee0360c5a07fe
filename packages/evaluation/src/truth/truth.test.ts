import { describe, expect, it } from 'vitest';
import { parseCoco } from './coco.ts';
import { TruthError } from './errors.ts';
import { parsePoints106 } from './points106.ts';
import { parseUtkFaceName } from './utkface.ts';
import { parseWflw } from './wflw.ts';
import { parseWider } from './wider.ts';

/** The message of the error, which is of the class that callers catch. */
function refused(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    expect(error).toBeInstanceOf(TruthError);
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

describe("WIDER FACE's text", () => {
  it('gives the faces of each image; invalid, empty and small ones are ignored', () => {
    const text = [
      '0--Parade/a.jpg',
      '5',
      '449 330 122 149 0 0 0 0 0 0 ',
      '10 20 30 40 2 0 0 1 2 0 ',
      '10 20 8 10 2 0 0 0 2 0 ',
      '10 20 8 11 2 0 0 0 2 0 ',
      '10 20 0 30 0 0 0 0 0 0 ',
      '1--Handshaking/b.jpg',
      '0',
      '0 0 0 0 0 0 0 0 0 0 ',
      '1--Handshaking/c.jpg',
      '1',
      '1 2 30 40 0 0 0 0 0 0 ',
      '',
    ].join('\n');
    expect(parseWider(text)).toEqual([
      {
        file: '0--Parade/a.jpg',
        faces: [
          { box: { x: 449, y: 330, width: 122, height: 149 } },
          { box: { x: 10, y: 20, width: 30, height: 40 }, ignored: true },
          { box: { x: 10, y: 20, width: 8, height: 10 }, ignored: true },
          { box: { x: 10, y: 20, width: 8, height: 11 } },
          { box: { x: 10, y: 20, width: 0, height: 30 }, ignored: true },
        ],
      },
      { file: '1--Handshaking/b.jpg', faces: [] },
      { file: '1--Handshaking/c.jpg', faces: [{ box: { x: 1, y: 2, width: 30, height: 40 } }] },
    ]);
  });

  it.each([
    ['a.jpg\n2\n1 2 3 40 0 0 0 0 0 0', 'line 4: the file ends before the faces of its last image'],
    ['a.jpg\n1\n1 2 x 4 0 0 0 0 0 0', "line 3: expected the numbers of a face instead of '1 2 x 4 0 0 0 0 0 0'"],
    ['a.jpg\n1\n1 2 3 4 0', 'line 3: expected 4 or 10 numbers, there are 5'],
    ['a.jpg\nmany', 'line 2: expected the number of faces'],
    ['a.jpg\n1\n1 2 3 40\n5 6 7 80', "line 4: expected the path of an image instead of '5 6 7 80'"],
    ['../a.jpg\n0', 'line 1: the path leaves the folder of the images'],
    ['/etc/a.jpg\n0', 'line 1: the path leaves the folder of the images'],
    ['', 'line 1: there is no image'],
  ])('refuses %j, naming the line', (text, message) => expect(refused(() => parseWider(text))).toBe(message));
});

describe('COCO JSON', () => {
  const coco = (more: object = {}) =>
    JSON.stringify({
      images: [
        { id: 7, file_name: 'a.jpg', width: 640, height: 480 },
        { id: 9, file_name: 'b/c.jpg' },
      ],
      annotations: [
        { id: 1, image_id: 9, category_id: 1, bbox: [1, 2, 3.5, 4], iscrowd: 0, area: 14 },
        { id: 2, image_id: 9, category_id: 1, bbox: [0, 0, 90, 90], iscrowd: 1 },
        { id: 3, image_id: 9, category_id: 2, bbox: [5, 5, 9, 9] },
      ],
      ...more,
    });

  it('gives the faces of each image, crowds as crowds', () => {
    const categories = [
      { id: 1, name: 'Face' },
      { id: 2, name: 'dog' },
    ];
    expect(parseCoco(coco({ categories }))).toEqual([
      { file: 'a.jpg', faces: [], size: { width: 640, height: 480 } },
      {
        file: 'b/c.jpg',
        faces: [
          { box: { x: 1, y: 2, width: 3.5, height: 4 } },
          { box: { x: 0, y: 0, width: 90, height: 90 }, crowd: true },
        ],
      },
    ]);
  });

  it('takes all categories where none is named face', () => {
    expect(parseCoco(coco())[1]!.faces).toHaveLength(3);
  });

  it.each([
    ['{\n"images": [}', /^line 2: not JSON: /],
    ['{\n"images": [\n', /^line 3: not JSON: /],
    ['[]', /^the document: /],
    [
      coco({ annotations: [{ image_id: 3, bbox: [1, 2, 3, 4] }] }),
      /^annotations\[0\]\.image_id: no image has the id 3$/,
    ],
    [coco({ annotations: [{ image_id: 9, bbox: [1, 2, 3] }] }), /^annotations\[0\]\.bbox/],
    [coco({ images: [{ id: 1, file_name: '../a.jpg' }] }), /^images\[0\]\.file_name: leaves the folder/],
    [
      coco({
        images: [
          { id: 1, file_name: 'a.jpg' },
          { id: 1, file_name: 'b.jpg' },
        ],
        annotations: [],
      }),
      /^images\[1\]\.id: /,
    ],
  ])('refuses %j, naming the place', (text, message) => expect(refused(() => parseCoco(text))).toMatch(message));
});

describe("WFLW's lists", () => {
  const points = Array.from({ length: 196 }, (_, i) => i + 0.5);

  it('give points, subsets and image of each face, in both forms', () => {
    const long = [...points, 1, 2, 3, 4, 1, 0, 0, 0, 1, 0, '37--Soccer/a.jpg'].join(' ');
    const short = [...points, 'b.jpg'].join(' ');
    expect(parseWflw(`${long}\n${short}\n`)).toEqual([
      { file: '37--Soccer/a.jpg', points, layout: 'wflw-98', groups: ['pose', 'occlusion'] },
      { file: 'b.jpg', points, layout: 'wflw-98', groups: [] },
    ]);
  });

  it('are refused when damaged, naming the line', () => {
    const good = [...points, 'b.jpg'].join(' ');
    expect(refused(() => parseWflw(`${good}\n1 2 3 b.jpg`))).toBe('line 2: expected 197 or 207 columns, there are 4');
    expect(refused(() => parseWflw(good.replace('2.5', 'x')))).toBe("line 1: column 3 is 'x', not a number");
    expect(refused(() => parseWflw([...points, '../b.jpg'].join(' ')))).toMatch(/^line 1: the path leaves/);
    expect(refused(() => parseWflw('\n'))).toBe('line 1: there is no face');
    expect(refused(() => parseWflw(`${good}\n${Array(196).fill(7).join(' ')} c.jpg`))).toBe(
      'line 2: both eyes lie at the same place',
    );
  });
});

describe('106 points', () => {
  const points = Array.from({ length: 106 }, (_, i) => ({ x: i, y: 2 * i }));
  const image = (file: string) => ({ file, Faces: [{ Confidence: 0.9, landmark_106: points }], FaceModelVersion: '1' });

  it('are read as lines and as an array', () => {
    const expected = ['a.jpg', 'b.jpg'].map((file) => ({
      file,
      points: points.flatMap(({ x, y }) => [x, y]),
      layout: 'insightface-106',
      groups: [],
    }));
    const images = [image('a.jpg'), image('b.jpg')];
    expect(parsePoints106(JSON.stringify(images))).toEqual(expected);
    expect(parsePoints106(images.map((one) => JSON.stringify(one)).join('\n'))).toEqual(expected);
  });

  it('are refused when damaged, naming line or place', () => {
    const line = JSON.stringify(image('a.jpg'));
    expect(refused(() => parsePoints106(`${line}\n{"file"`))).toMatch(/^line 2: not JSON/);
    expect(refused(() => parsePoints106(`${line}\n{"file":"b.jpg","Faces":[{"landmark_106":[]}]}`))).toMatch(
      /^line 2: Faces\[0\]\.landmark_106: /,
    );
    expect(refused(() => parsePoints106('[{"file":"b.jpg"}]'))).toMatch(/^\[0\]\.Faces: /);
    const flat = { file: 'c.jpg', Faces: [{ landmark_106: points.map(() => ({ x: 1, y: 1 })) }] };
    expect(refused(() => parsePoints106(JSON.stringify(flat)))).toBe(
      'c.jpg: both eyes of a face lie at the same place',
    );
  });
});

describe("UTKFace's names", () => {
  it.each([
    ['25_0_2_20170116174525125.jpg', { age: 25, gender: 'male', origin: 'asian' }],
    ['1_1_4_20161219140623097.jpg.chip.jpg', { age: 1, gender: 'female', origin: 'other' }],
    ['116_1_0_20170112213500903.png', { age: 116, gender: 'female', origin: 'white' }],
  ])('%s', (name, person) => expect(parseUtkFaceName(name)).toEqual(person));

  // The first is one of those in the set that lack their origin.
  it.each(['61_1_20170109142408075.jpg.chip.jpg', '999_1_0_2017.jpg', '20_2_0_2017.jpg', '20_1_5_2017.jpg', 'a.jpg'])(
    '%s is none',
    (name) => expect(parseUtkFaceName(name)).toBeNull(),
  );
});

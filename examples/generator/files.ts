import { crc32, deflateSync } from 'node:zlib';

type Paint = (x: number, y: number) => number;

const PALETTE = Buffer.from('2b3a42bdd7eaf4f1e8e3a81d4f7942c8553d8f8f8fffffff', 'hex');
const [INK, SKY, SAND, GOLD, GREEN, RED, GREY, WHITE] = [0, 1, 2, 3, 4, 5, 6, 7];
const WIDTH = 96;
const HEIGHT = 64;

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([size, body, sum]);
}

/** A small picture with eight colours; stored rather than compressed, so that every zlib writes the same bytes. */
function png(paint: Paint): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(WIDTH, 0);
  head.writeUInt32BE(HEIGHT, 4);
  head.set([8, 3, 0, 0, 0], 8);
  const rows = Array.from({ length: HEIGHT }, (_, y) =>
    Buffer.from([0, ...Array.from({ length: WIDTH }, (_, x) => paint(x, y))]),
  );
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', head),
    chunk('PLTE', PALETTE),
    chunk('IDAT', deflateSync(Buffer.concat(rows), { level: 0 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const far = (x: number, y: number, cx: number, cy: number) => Math.hypot(x - cx, y - cy);

/** Two wheels and a frame, standing on the sand at `left`. */
const bicycle = (x: number, y: number, left: number, frame: number): number | undefined => {
  for (const cx of [left + 8, left + 30]) if (Math.abs(far(x, y, cx, 46) - 7) < 1.2) return INK;
  const onFrame = (x1: number, y1: number, x2: number, y2: number) =>
    far(x, y, x1, y1) + far(x, y, x2, y2) - far(x1, y1, x2, y2) < 0.35;
  if (onFrame(left + 8, 46, left + 16, 34) || onFrame(left + 16, 34, left + 27, 34) || onFrame(left + 27, 34, left + 30, 46))
    return frame;
  return onFrame(left + 8, 46, left + 18, 46) || onFrame(left + 18, 46, left + 27, 34) ? frame : undefined;
};

const scenery: Paint = (x, y) => (y > 52 ? SAND : far(x, y, 80, 12) < 6 ? GOLD : SKY)!;
const riders: Paint = (x, y) => bicycle(x, y, 6, RED!) ?? bicycle(x, y, 50, GREEN!) ?? scenery(x, y);
const display: Paint = (x, y) =>
  (x * 7 + y * 3) % 23 === 0 && y % 3 !== 0
    ? SKY!
    : x > 24 && x < 72 && y > 14 && y < 50
      ? x > 28 && x < 68 && y > 18 && y < 46
        ? INK!
        : GREY!
      : SAND!;
const bolt =
  (coat: number): Paint =>
  (x, y) =>
    far(x, y, 48, 32) < 8 ? INK! : far(x, y, 48, 32) < 20 ? ((x + y) % 11 === 0 ? WHITE! : coat) : GREEN!;

/** One page of plain words: the smallest PDF that opens everywhere. */
function pdf(lines: readonly string[]): Buffer {
  const text = `BT /F1 12 Tf 56 780 Td 18 TL ${lines.map((line) => `(${line.replace(/[()\\]/g, '\\$&')}) Tj T*`).join(' ')} ET`;
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 4 0 R >> >> /Contents 5 0 R >>',
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    `<< /Length ${text.length} >>\nstream\n${text}\nendstream`,
  ];
  let file = '%PDF-1.4\n';
  const offsets = objects.map((object, index) => {
    const at = file.length;
    file += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(at).padStart(10, '0')} 00000 n \n`;
  });
  const xref = file.length;
  file += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.join('')}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\n`;
  return Buffer.from(`${file}startxref\n${xref}\n%%EOF\n`, 'latin1');
}

const INSTRUCTIONS = [
  'Brightwater Bikes: a new seal for your display',
  '',
  '1. Switch the bike off and take the battery out.',
  '2. Loosen the two small screws under the display (Torx 10).',
  '3. Lift the display, do not pull the cable.',
  '4. Take out the grey seal, put in the black one, lip upwards.',
  '5. Tighten the screws until they stop, then not any further.',
  '',
  'Ten minutes, no water, no hurry. If anything resists, write to us.',
];

const INVOICE = `Brightwater Bikes                                   Invoice BW-19377
Utrecht                                             14 May 2024

Mara Lindqvist
Eendengracht 12 bis
Utrecht
mara.lindqvist@example.org

1 x Dipper, size M, "Harbour"      DP-19377         2,990.00 EUR
1 x Rear carrier                                       74.50 EUR
                                                    ------------
Paid, with thanks                                   3,064.50 EUR

Warranty: two years on the bike, three years on the battery.
`;

const RIDE_LOG = `ride,date,km,assist,note
1,2026-03-27,31.4,eco,
2,2026-03-28,18.0,tour,"rain, display fine"
3,2026-03-29,44.2,eco,"first day of summer time, alone at the bridge"
4,2026-03-30,12.7,tour,
5,2026-03-31,12.9,tour,"""fast"" neighbour overtaken"
6,2026-04-01,13.1,sport,=late for work
7,2026-04-02,12.8,eco,+1 croissant
`;

const ORDER = `Bestellung BW-H-0027                                18. April 2026

Agnes Pohlmann
Telefon +49 30 23125 117

1 x Heron, Sumpfdotterblume, langer Vorbau          4.890,00 EUR
1 x Babyschale                                        189,00 EUR

Lieferung: Mitte Juni. Der Große darf laufen.
`;

const TRANSFER = `To whom it may concern

I give my Dipper, serial number DP-17702, to my cousin Samuel Adeyinka.
It has never been in the rain and I would like it to stay that way.

Grace
`;

const REFUND = `order,date,amount,currency,to,reason
BW-20517,2026-03-23,64.90,EUR,Birgit Halvorsen,charged twice
`;

/** The contents of brightwater-files: what customers and the desk sent each other. */
export const attachmentFiles = (): ReadonlyMap<string, Buffer> =>
  new Map([
    ['display-in-the-rain.png', png(display)],
    ['my-kickstand-bolt.png', png(bolt(GREY!))],
    ['bolt-gwen.png', png(bolt(GOLD!))],
    ['riders-at-heron-day.png', png(riders)],
    ['display-seal-instructions.pdf', pdf(INSTRUCTIONS)],
    ['invoice-BW-19377.txt', Buffer.from(INVOICE)],
    ['ride-log-DP-19377.csv', Buffer.from(RIDE_LOG)],
    ['bestellung-heron-agnes.txt', Buffer.from(ORDER)],
    ['transfer-note-DP-17702.txt', Buffer.from(TRANSFER)],
    ['refund-BW-20517.csv', Buffer.from(REFUND)],
  ]);

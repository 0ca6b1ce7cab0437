// node search.mjs PICTURE MAX_BYTES SIDE (default|mozjpeg|mozjpeg-baseline) OUT: what sharp makes of a picture, by halving the interval of qualities.
import { writeFileSync } from "node:fs";
import sharp from "sharp";

sharp.concurrency(1);
sharp.cache(false);

const [, , picture, maxBytes, side, encoder, out] = process.argv;
const before = process.cpuUsage();
const began = process.hrtime.bigint();
const { data, info } = await sharp(picture)
  .rotate()
  .resize({ width: Number(side), height: Number(side), fit: "inside", withoutEnlargement: true })
  .raw()
  .toBuffer({ resolveWithObject: true });

const options = {
  default: {},
  mozjpeg: { mozjpeg: true },
  // What mozjpeg: true stands for, without the progressive scans that it forces.
  "mozjpeg-baseline": { trellisQuantisation: true, overshootDeringing: true, quantisationTable: 3, optimiseCoding: true },
}[encoder];
let low = 0;
let high = 101;
let best = Buffer.alloc(0);
let encodes = 0;
while (high - low > 1) {
  const quality = (low + high) >> 1;
  const content = await sharp(data, { raw: info }).jpeg({ quality, ...options }).toBuffer();
  encodes += 1;
  if (content.length <= Number(maxBytes)) {
    low = quality;
    best = content;
  } else {
    high = quality;
  }
}
const used = process.cpuUsage(before);
const wall = Number(process.hrtime.bigint() - began) / 1e9;
writeFileSync(out, best);
process.stdout.write(JSON.stringify({ cpu: (used.user + used.system) / 1e6, wall, quality: low, encodes }));

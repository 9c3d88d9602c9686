// What `npm run bundle` runs: writes what the images hold. `npm run bundle -- FOLDER [IMAGE...]`, by default into dist.
import { join, resolve } from 'node:path';

import { bundleImage, IMAGES } from './bundle-services.ts';

const [folder = 'dist', ...names] = process.argv.slice(2);
const unknown = names.filter((name) => !IMAGES.some((image) => image === name));
if (unknown.length > 0) {
  console.error(`No image is called ${unknown.join(', ')}; there are ${IMAGES.join(', ')}.`);
  process.exit(2);
}
for (const image of IMAGES) {
  if (names.length > 0 && !names.includes(image)) continue;
  const target = join(resolve(folder), image);
  await bundleImage(image, target);
  console.log(target);
}

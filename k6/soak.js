// @ts-check
// Long and level: what grows shows. By `npm run load -- soak [--profile smoke|short|full]`; full is an hour.
import { chooseProfile, optionsFor } from './lib/profiles.ts';
import { usersWith } from './lib/script.ts';

export { handleSummary, setup } from './lib/script.ts';

export const options = optionsFor(
  chooseProfile({
    smoke: [{ users: 20, climbSeconds: 2, holdSeconds: 20 }],
    short: [{ users: 300, climbSeconds: 10, holdSeconds: 200 }],
    full: [{ users: 300, climbSeconds: 30, holdSeconds: 3_600 }],
  }),
);

export const { visitors, staff, partners } = usersWith(() => 'load');

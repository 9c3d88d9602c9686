import { threadId } from 'node:worker_threads';

let iteration = 0;

export default {
  scenario: { startTime: Date.now() },
  vu: {
    idInTest: threadId,
    /** Another one whenever it is asked for, which is as good for names. */
    get iterationInInstance() {
      iteration += 1;
      return iteration;
    },
  },
};

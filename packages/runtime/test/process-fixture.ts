import { createServer } from 'node:http';
import { z } from 'zod';
import { processSettings, startProcess } from '../src/index.ts';

// A process as services are, for process.test.ts to start and end.
await startProcess({
  service: 'fixture',
  schema: z.object({
    ...processSettings,
    MODE: z.enum(['plain', 'crash', 'hang', 'burst']).default('plain'),
  }),
  env: process.env,
  build: ({ config, logger }) => {
    const server = createServer((_request, response) => {
      logger.info('somebody asked');
      response.end('hello');
    });
    return {
      app: {
        listen: async ({ port, host }) => {
          await new Promise<void>((resolve) => server.listen(port, host, resolve));
          process.send?.(server.address());
          return `http://${host}`;
        },
      },
      onListening: () => {
        if (config.MODE === 'burst') {
          for (let n = 1; n <= 1_000; n += 1) logger.info({ n }, 'one of many');
          process.exit(3);
        }
        if (config.MODE === 'crash')
          setTimeout(() => void Promise.reject(new Error('nobody caught this')), 1);
      },
      phases: [
        {
          name: 'http',
          timeoutMs: 60_000,
          run: async () =>
            config.MODE === 'hang'
              ? new Promise(() => undefined)
              : new Promise<void>((resolve) => server.close(() => resolve())),
        },
      ],
    };
  },
});

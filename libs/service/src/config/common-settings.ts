import { HeddleError } from '@heddle/model';
import * as z from 'zod';
import { parseLogLevels, type LogLevels } from '../logging/log';
import type { Setting } from './settings';

/** Text as digits, a port; 0 lets the system choose one. */
export const portText = (byDefault: number): z.ZodType<number> =>
  z
    .string()
    .default(String(byDefault))
    .transform((text, ctx) => {
      const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : NaN;
      if (port >= 0 && port <= 65535) return port;
      ctx.addIssue({ code: 'custom', message: `found "${text}"; allowed is a port from 0 (any free one) to 65535` });
      return z.NEVER;
    });

export const logLevelsText: z.ZodType<LogLevels> = z
  .string()
  .default('info')
  .transform((text, ctx) => {
    try {
      return parseLogLevels(text);
    } catch (error) {
      ctx.addIssue({ code: 'custom', message: HeddleError.from(error).message });
      return z.NEVER;
    }
  });

export const flag: z.ZodType<boolean> = z.boolean().default(false);

export const natsUrlText = z.string().regex(/^(nats|tls):\/\/[^\s,]+(,(nats|tls):\/\/[^\s,]+)*$/, {
  error: (issue) =>
    `found ${JSON.stringify(issue.input)}; allowed is a URL such as nats://10.0.0.1:4222, or several with commas`,
});

/** Settings that every program of the control plane has. */
export const LOG_SETTING: Setting<LogLevels> = {
  arg: 'log-level',
  env: 'HEDDLE_LOG',
  help: 'info, or with levels of single services: warn,policy=debug',
  schema: logLevelsText,
};

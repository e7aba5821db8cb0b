import path from 'node:path';
import { Lab } from '../lab';
import type { LabCommands, LabOptions } from '../options';

export const STAND_IN = path.join(__dirname, 'stand-in.js');

/** Commands that start stand-ins for Heddle's processes. */
export const STAND_INS: Required<LabCommands> = {
  server: ({ address, apiSocket }) => [process.execPath, STAND_IN, '--tcp', `${address}:4222`, apiSocket],
  attach: ({ config }) => [process.execPath, STAND_IN, config.plugin.socket, config.attach.socket],
  agent: ({ config }) => [process.execPath, STAND_IN, config.agent.socket],
};

/** A lab of stand-ins. Its name should carry the process id's last digits, so that tests at the same time do not meet. */
export function openTestLab(options: Partial<LabOptions> & { name: string }): Promise<Lab> {
  return Lab.open({ commands: STAND_INS, credentials: async (host) => `seed of ${host}`, ...options });
}

/** A lab name of this test process. */
export function testLabName(letter: string): string {
  return `${letter}${process.pid % 100_000}`;
}

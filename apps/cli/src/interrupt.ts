/** The user or the system asked the command to stop; carried as the reason of its abort signal. */
export class InterruptedError extends Error {
  constructor(signal: string) {
    super(`stopped by ${signal}`);
    this.name = 'InterruptedError';
  }
}

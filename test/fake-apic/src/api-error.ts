/** An answer that is an error: `imdata` holds one element `error` with a code and a text. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    /** Of its own kind; often, and not always, that of HTTP. */
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

export const badRequest = (code: string, text: string): ApiError => new ApiError(400, code, text);

import { HeddleError } from '@heddle/model';
import type { NextFunction, Request, Response } from 'express';
import { ApiError, malformed } from './api-error';

/** The largest body that is read, bytes. */
export const MAX_BODY = 1024 * 1024;
/** A larger body is still taken off the wire up to here, so that its sender gets to read the answer. */
const MAX_DRAINED = 64 * 1024 * 1024;

const KINDS: Readonly<Record<string, 'json' | 'yaml'>> = {
  'application/json': 'json',
  'application/yaml': 'yaml',
  'application/x-yaml': 'yaml',
  'text/yaml': 'yaml',
  'text/x-yaml': 'yaml',
  'text/plain': 'yaml',
};

/** A request's body as text, with how it has to be read. YAML includes JSON. */
export interface TextBody {
  readonly text: string;
  readonly kind: 'json' | 'yaml';
}

/**
 * Reads the bodies of requests as text; what is in them is looked at later, with better errors than a generic parser has.
 */
export function readBody(request: Request, _response: Response, next: NextFunction): void {
  if (request.method === 'GET' || request.method === 'HEAD' || request.method === 'OPTIONS') {
    next();
    return;
  }
  collect(request)
    .then((bytes) => {
      request.body = { text: decode(bytes), kind: kindOf(request, bytes.length) } satisfies TextBody;
      next();
    })
    .catch(next);
}

function kindOf(request: Request, length: number): TextBody['kind'] {
  const type = request.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (length === 0) return 'json';
  const kind = type === undefined ? 'yaml' : KINDS[type];
  if (kind) return kind;
  throw new ApiError(
    415,
    new HeddleError('invalid', `found content type "${type}"; allowed are application/json and application/yaml`),
  );
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw malformed('the body is not UTF-8 text', error);
  }
}

function collect(request: Request): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY) {
        chunks.push(chunk);
      } else {
        chunks.length = 0;
        if (size > MAX_DRAINED) request.destroy();
      }
    });
    request.once('end', () => {
      if (size <= MAX_BODY) resolve(Buffer.concat(chunks, size));
      else reject(tooLarge(size));
    });
    request.once('error', reject);
    request.once('close', () => reject(size > MAX_BODY ? tooLarge(size) : malformed('the body ended early')));
  });
}

const tooLarge = (size: number): HeddleError =>
  new HeddleError('limit', `the body has ${size} bytes; allowed are ${MAX_BODY}: split it into several files`);

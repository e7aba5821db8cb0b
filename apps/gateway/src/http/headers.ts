import type { NextFunction, Request, Response } from 'express';

const NOTHING = "default-src 'none'; frame-ancestors 'none'";
/** The page of the API's description has scripts and styles of its own, some of them inline. */
const DOCS =
  "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/** Headers that keep a browser from doing more with an answer than showing it. There is no CORS: no other site may ask. */
export function securityHeaders(request: Request, response: Response, next: NextFunction): void {
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('x-frame-options', 'DENY');
  response.setHeader('referrer-policy', 'no-referrer');
  response.setHeader('cross-origin-resource-policy', 'same-origin');
  response.setHeader('content-security-policy', request.path.startsWith('/api/docs') ? DOCS : NOTHING);
  response.setHeader('cache-control', 'no-store');
  next();
}

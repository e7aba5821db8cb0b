/**
 * Whether a thrown value is a system error with one of these codes (`ENOENT`, ...). Judged by shape: errors of Node's own
 * modules are no `instanceof Error` in another realm, such as a test runner's.
 */
export function isErrno(error: unknown, ...codes: string[]): error is NodeJS.ErrnoException {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'string' &&
    codes.includes(error.code)
  );
}

/**
 * Runs tasks side by side and waits for all of them, also when one fails: nothing goes on behind the back of the caller's
 * cleaning up. The first failure aborts the signal that the others were given, and is thrown at the end.
 */
export async function together<T>(
  tasks: ReadonlyArray<(signal: AbortSignal) => Promise<T>>,
  outer?: AbortSignal,
): Promise<T[]> {
  const abort = new AbortController();
  const signal = outer ? AbortSignal.any([outer, abort.signal]) : abort.signal;
  const failures: unknown[] = [];
  const results = await Promise.all(
    tasks.map(async (task) => {
      try {
        return await task(signal);
      } catch (error) {
        failures.push(error);
        abort.abort(error);
        return undefined;
      }
    }),
  );
  if (failures.length > 0) throw failures[0];
  return results as T[];
}

/** As `Promise.all`, but a failure is told only when the other work has ended too: before that it cannot be undone. */
export async function whenBothEnded<A, B>(a: Promise<A>, b: Promise<B> | undefined): Promise<[A, B | undefined]> {
  await Promise.allSettled([a, b]);
  return Promise.all([a, b]);
}

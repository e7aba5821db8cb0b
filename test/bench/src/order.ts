/** The kinds in the order of a round: each round begins with the next one, so that none always comes after the same. */
export function rotated<T>(kinds: readonly T[], round: number): T[] {
  const shift = round % kinds.length;
  return [...kinds.slice(shift), ...kinds.slice(0, shift)];
}

/** What a status says. It comes from the API, of this version or a later one, so every field may be anything. */
export type Observed = Readonly<Record<string, unknown>> | undefined;

export function text(observed: Observed, key: string): string | undefined {
  const value = observed?.[key];
  return typeof value === 'string' ? value : undefined;
}

/** A string or a number as text, `-` for anything else. */
export function word(observed: Observed, key: string): string {
  const value = observed?.[key];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '-';
}

export function texts(observed: Observed, key: string): string[] {
  const value = observed?.[key];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** A mapping inside of the status. */
export function part(observed: Observed, key: string): Observed {
  const value = observed?.[key];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Observed) : undefined;
}

/** The mappings of a list inside of the status. */
export function parts(observed: Observed, key: string): NonNullable<Observed>[] {
  const value = observed?.[key];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'object' && item !== null) : [];
}

export function amount(observed: Observed, key: string): number | undefined {
  const value = observed?.[key];
  return typeof value === 'number' ? value : undefined;
}

/** The SQL of an exact time: a JavaScript date would lose what is below a millisecond. */
export const isoTime = (column: string): string => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')`;

/** Answers what `isoTime` selects as ISO 8601, with as many digits as it takes. */
export const toIso = (selected: string | null): string | null => selected && `${selected.replace(/\.?0+$/, '')}Z`;

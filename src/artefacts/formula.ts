/*
 * A spreadsheet runs a cell that begins with = + - or @ (or a full-width or small form of them), also after characters that it
 * trims or does not show, and some split a cell at a leading tab or carriage return. Such a cell gets a leading apostrophe.
 *
 * The rule, so that it can be undone: an apostrophe is put before a cell that consists of any number of apostrophes, then any
 * number of blank or invisible characters, then one of the characters above, unless the cell is a plain number or a phone number.
 * To undo it, take one apostrophe from a cell that begins with one and has that form. csv-stringify's own escape_formulas
 * overlooks the blank and invisible characters, alters phone numbers, and cannot be undone.
 */
const INVISIBLE = String.raw`[\s\p{Cc}\p{Cf}\p{Z}\p{Default_Ignorable_Code_Point}]`;
const RISKY = new RegExp(String.raw`^'*${INVISIBLE}*[=+\-@\t\r＝＋－＠﹦﹢﹣﹫−]`, 'u');
// Most cells; one look at one character instead of a pattern with many classes.
const HARMLESS = /^[0-9A-Za-z]/;
const NUMBER = /^[+-]?(?:\d+(?:[.,]\d+)*|\.\d+)(?:[eE][+-]?\d+)?%?$/;
// Digits and separators only: no letter, so nothing to call or to refer to. At most 40 characters, a phone number being shorter.
const PHONE = /^\+[\d ().\-/]{0,38}\d$/;

/** The cell as it can be written to a CSV file that may be opened in a spreadsheet. */
export function escapeCell(cell: string): string {
  return !HARMLESS.test(cell) && RISKY.test(cell) && !NUMBER.test(cell) && !PHONE.test(cell) ? `'${cell}` : cell;
}

/** The cell as it was before `escapeCell`. */
export function unescapeCell(cell: string): string {
  return cell.startsWith("'") && RISKY.test(cell) ? cell.slice(1) : cell;
}

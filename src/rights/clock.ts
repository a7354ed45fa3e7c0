/**
 * When a request must be answered: one calendar month after it was received (GDPR Art. 12(3)). Where the next month has no such day it is
 * that month's last (31 January -> 28 or 29 February); a Saturday or Sunday rolls to Monday (Regulation 1182/71, Art. 3(4)). Days are UTC.
 */
export function dueDate(received: Date, months = 1): Date {
  const due = new Date(received);
  due.setUTCDate(1);
  due.setUTCMonth(received.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(due.getUTCFullYear(), due.getUTCMonth() + 1, 0)).getUTCDate();
  due.setUTCDate(Math.min(received.getUTCDate(), lastDay));
  due.setUTCHours(23, 59, 59, 999);
  const weekday = due.getUTCDay();
  if (weekday === 6) due.setUTCDate(due.getUTCDate() + 2);
  if (weekday === 0) due.setUTCDate(due.getUTCDate() + 1);
  return due;
}

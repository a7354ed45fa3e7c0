import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { keyObject } from './key-object.ts';

/**
 * The blind index of a value: HMAC-SHA-256 under a key derived from the tenant's key and the value's type, of the value as people
 * compare it. Equal values of one type have equal indexes within a tenant, and nowhere else; without the tenant key they say nothing.
 */
export function blindIndex(tenantKey: Buffer, type: string, value: string): Buffer {
  return createHmac('sha256', typeKey(tenantKey, type)).update(normalise(type, value), 'utf8').digest();
}

/** Derived once for many values; gone with the tenant key that they were derived from. */
const derived = new WeakMap<Buffer, Map<string, KeyObject>>();

function typeKey(tenantKey: Buffer, type: string): KeyObject {
  let keys = derived.get(tenantKey);
  // There is a type for each conversation that erased messages are looked for in: they must not pile up.
  if (!keys || keys.size >= 1_000) derived.set(tenantKey, (keys = new Map()));
  let key = keys.get(type);
  if (!key) {
    key = createSecretKey(createHmac('sha256', keyObject(tenantKey)).update(`habeas blind index ${type}`).digest());
    keys.set(type, key);
  }
  return key;
}

/** E-mail and handles without case, phones as their digits alone (+46…, 0046… and 46… are one), names without case, accents' composition or extra spaces. */
export function normalise(type: string, value: string): string {
  const text = value.normalize('NFKC').trim();
  switch (type) {
    case 'EMAIL':
    case 'TWITTER':
    case 'INSTAGRAM':
    case 'FACEBOOK':
    case 'APPLE_MESSAGES':
      return text.toLowerCase().replace(/^@/, '');
    case 'PHONE':
    case 'WHATSAPP':
      return asciiDigits(text).replace(/^00/, '').replace(/\D/g, '');
    case 'NAME':
    case 'ADDRESS':
      return text.toLowerCase().replace(/\s+/g, ' ');
    default:
      return value;
  }
}

/** Arabic-Indic digits, and those of Persian and Urdu, are digits too. */
const asciiDigits = (text: string): string =>
  text.replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) & 0xf));

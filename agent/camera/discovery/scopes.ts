/** What a device says of itself in its scopes; empty where it says nothing. @see ONVIF Core §7.3.2.2 */
export interface DeviceScopes {
  readonly name: string;
  readonly hardware: string;
  readonly location: string;
  /** Of the standard since 2023, as the next; before that makers had words of their own. */
  readonly serial: string;
  /** `aa:bb:cc:dd:ee:ff`. */
  readonly mac: string;
  /** Letters of ONVIF profiles, such as S, T, M, G. */
  readonly profiles: readonly string[];
}

const MAX_SCOPES = 64;
const MAX_TEXT_CHARS = 64;
const PREFIX = /^onvif:\/\/www\.onvif\.org\//i;

/** Reads scopes, however many came and whatever they hold. */
export function readScopes(scopes: readonly string[]): DeviceScopes {
  const all = scopes.slice(0, MAX_SCOPES).filter((scope) => PREFIX.test(scope));
  const parts = all.map((scope) => splitScope(scope.replace(PREFIX, '')));
  const first = (...wanted: string[]) => parts.find(({ category }) => wanted.includes(category))?.value ?? '';
  const letters = parts.flatMap(({ category, value }) => (category === 'profile' ? profileOf(value) : []));
  return {
    name: first('name'),
    hardware: first('hardware'),
    location: first('location'),
    serial: first('serialnumber', 'serial'),
    mac: readMac(first('macaddress', 'mac')),
    profiles: [...new Set(letters)].sort(),
  };
}

function splitScope(text: string): { readonly category: string; readonly value: string } {
  const slash = text.indexOf('/');
  const value = slash < 0 ? '' : cleaned(text.slice(slash + 1));
  return { category: (slash < 0 ? text : text.slice(0, slash)).toLowerCase(), value };
}

/** Profile S is called Streaming. */
function profileOf(value: string): string[] {
  if (/^streaming$/i.test(value)) return ['S'];
  return /^[a-z]$/i.test(value) ? [value.toUpperCase()] : [];
}

/** Percent-encoding undone where it makes sense, without control characters, cut. */
function cleaned(text: string): string {
  const cut = text.slice(0, 4 * MAX_TEXT_CHARS);
  const plain = /^(?:[^%]|%[0-9a-f]{2})*$/i.test(cut) ? decoded(cut) : cut;
  return plain
    .replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, ' ')
    .trim()
    .slice(0, MAX_TEXT_CHARS);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `AA-BB-CC-DD-EE-FF`, with colons or with nothing between, as `aa:bb:cc:dd:ee:ff`; empty for anything else. */
export function readMac(text: string): string {
  const digits = text.replaceAll(/[:-]/g, '').toLowerCase();
  return /^[0-9a-f]{12}$/.test(digits) ? (digits.match(/../g) ?? []).join(':') : '';
}

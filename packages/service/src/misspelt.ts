/** A variable of the environment that is probably a setting with a typing error. */
export interface MisspeltSetting {
  /** As it is in the environment. */
  name: string;
  /** The setting that was probably meant. */
  meant: string;
}

/** Shortest name that is checked: other programs have too many variables similar to `PORT` and `HOST`. */
const SHORTEST = 6;
/** In names of at least this length, two words may differ, by one letter each. */
const LONG = 10;

/**
 * Environment variables that are nearly the name of a setting which is not set itself.
 * @param settings those of this process, by name
 * @example
 * misspeltSettings({ API_KEY: 'a:…' }, gatewayVariables); // [{ name: 'API_KEY', meant: 'API_KEYS' }]
 */
export function misspeltSettings(
  env: Readonly<Record<string, string | undefined>>,
  settings: Readonly<Record<string, unknown>>,
): MisspeltSetting[] {
  const unset = Object.keys(settings).filter((name) => name.length >= SHORTEST && !env[name]);
  return Object.keys(env)
    .filter((name) => env[name] && !(name in settings))
    .flatMap((name) => {
      const meant = unset.find((setting) => isNear(name, setting));
      return meant ? [{ name, meant }] : [];
    });
}

/** The warning about a misspelt setting. It does not contain the value. */
export function misspeltMessage({ name, meant }: MisspeltSetting): string {
  return `${name} is not a setting; did you mean ${meant}?`;
}

/**
 * Whether two names differ only in underscores, case or a plural, or by one letter in a word. Two letters make another word
 * (`MODEL_PATH` and `MODEL_PACK`, `DOCKER_HOST` and `WORKER_HOST`).
 */
function isNear(name: string, setting: string): boolean {
  if (normalized(name) === normalized(setting)) return true;
  const [words, meant] = [name.split('_'), setting.split('_')];
  if (words.length !== meant.length) return false;
  const pairs = words.map((word, at) => [word, meant[at]!] as const).filter(([word, other]) => word !== other);
  return pairs.length <= (setting.length < LONG ? 1 : 2) && pairs.every(([word, other]) => differsBy(word, other, 1));
}

/** Without case, underscores and a plural. */
const normalized = (name: string) => name.toUpperCase().replaceAll(/[_-]/g, '').replace(/E?S$/, '');

/** Whether `a` becomes `b` by inserting, removing, replacing or swapping at most `most` letters. */
export function differsBy(a: string, b: string, most: number): boolean {
  if (Math.abs(a.length - b.length) > most) return false;
  let [before, above] = [[] as number[], Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, above[j]! + 1, row[j - 1]! + 1);
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j]!, before[j - 2]! + 1);
    }
    [before, above] = [above, row];
  }
  return above[b.length]! <= most;
}

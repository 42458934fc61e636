import { readFileSync } from 'node:fs';
import t from 'tap';

interface Locked {
  readonly optionalDependencies?: Record<string, string>;
}

// `npm ci` refuses a lock file that leaves out the packages of other machines, and `npm install` leaves them
// out when the registry that it asks does not have them.
t.test('frame: the lock file names every optional package, also of other machines', async (t) => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, Locked>;
  };
  const locked = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')));
  const wanted = Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
  t.ok(wanted.length > 0, 'some packages are optional');
  t.same(
    wanted.filter((name) => !locked.has(name)),
    [],
  );
});

import { cruise, type IModule } from 'dependency-cruiser';
import { NARROW, ROOMS, ROOTS } from './table.ts';

export interface RoomsReport {
  readonly modules: number;
  readonly violations: readonly string[];
  /** Room to rooms that it really imports. */
  readonly edges: ReadonlyMap<string, ReadonlySet<string>>;
}

const OWNERS = packageOwners();

/** Reads every import of the product below `folder` and holds it against the table. */
export async function checkRooms(folder = process.cwd()): Promise<RoomsReport> {
  const result = await cruise(['agent', 'provisioning'], {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    baseDir: folder,
  });
  if (typeof result.output === 'string') throw new Error('dependency-cruiser gave text instead of a report');
  const modules = result.output.modules.filter((module) => isOurs(module.source));
  const edges = new Map<string, Set<string>>();
  const violations = modules.flatMap((module) => violationsOf(module, edges));
  violations.push(...cycles(edges));
  return { modules: modules.length, violations, edges };
}

function isOurs(file: string): boolean {
  return /^(agent|provisioning)\//.test(file);
}

function roomOf(file: string): string | undefined {
  return Object.entries(ROOMS).find(([, room]) => file.startsWith(`${room.folder}/`))?.[0];
}

function violationsOf(module: IModule, edges: Map<string, Set<string>>): string[] {
  const from = roomOf(module.source);
  if (!from && !ROOTS.includes(module.source)) return [`${module.source} is in no room and is no root`];
  return module.dependencies.flatMap((dependency) => {
    const to = dependency.resolved;
    const what = isOurs(to)
      ? roomViolation(module.source, from, to, edges)
      : packageViolation(from, dependency.module);
    const circular = dependency.circular ? [`${module.source} -> ${to} is part of a cycle`] : [];
    return [...(what ? [`${module.source} -> ${dependency.module}: ${what}`] : []), ...circular];
  });
}

function roomViolation(
  file: string,
  from: string | undefined,
  to: string,
  edges: Map<string, Set<string>>,
): string | undefined {
  const target = roomOf(to);
  if (!target) return ROOTS.includes(to) && ROOTS.includes(file) ? undefined : 'nobody imports a root';
  if (!from || from === target) return undefined;
  edges.set(from, (edges.get(from) ?? new Set()).add(target));
  if (!ROOMS[from]?.mayImport.includes(target)) return `${from} may not import ${target}`;
  const narrow = NARROW.find((rule) => rule.from === from && rule.to === target);
  return narrow && !narrow.only.includes(to)
    ? `${from} may import only ${narrow.only.join(', ')}`
    : undefined;
}

function packageViolation(from: string | undefined, specifier: string): string | undefined {
  const owners = OWNERS.get(specifier) ?? OWNERS.get(packageName(specifier));
  if (!owners || !from || owners.includes(from)) return undefined;
  return `${specifier} belongs to ${owners.join(', ')}`;
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function packageOwners(): Map<string, string[]> {
  const owners = new Map<string, string[]>();
  for (const [name, room] of Object.entries(ROOMS)) {
    for (const owned of room.owns) owners.set(owned, [...(owners.get(owned) ?? []), name]);
  }
  return owners;
}

function cycles(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  return [...edges.keys()]
    .filter((room) => reaches(edges, room, room, new Set()))
    .map((room) => `room ${room} is part of a cycle`);
}

function reaches(
  edges: ReadonlyMap<string, ReadonlySet<string>>,
  from: string,
  goal: string,
  seen: Set<string>,
): boolean {
  for (const next of edges.get(from) ?? []) {
    if (next === goal) return true;
    if (!seen.has(next) && reaches(edges, next, goal, seen.add(next))) return true;
  }
  return false;
}

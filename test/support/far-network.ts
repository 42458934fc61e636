import { execFileSync } from 'node:child_process';

/** Whether this process may make networks: tests that need it say so where they are left out. */
export const MAY_MAKE_NETWORKS = process.getuid?.() === 0;

/** Networks of this process so far. */
let made = 0;

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/**
 * A network of its own behind a cable that can be cut, so that nothing at its far end hears or acknowledges any more,
 * as with a cable that is pulled out. @see ip-netns(8), veth(4)
 */
export class FarNetwork {
  readonly name: string;
  /** Of the far end. */
  readonly address: string;

  private constructor(name: string, address: string) {
    this.name = name;
    this.address = address;
  }

  /** @param t what takes it away at its end */
  static make(t: { teardown(end: () => unknown): void }): FarNetwork {
    made += 1;
    const name = `bf${process.pid.toString(36)}${made.toString(36)}`;
    // The range for tests between networks. @see RFC 2544 §C.2.2
    const prefix = `198.18.${(process.pid >> 5) & 255}.${((process.pid & 31) << 3) | ((made & 1) << 2)}`;
    const at = (host: number) => prefix.replace(/\d+$/, (last) => String(Number(last) + host));
    ip('netns', 'add', name);
    t.teardown(() => ip('netns', 'del', name));
    ip('link', 'add', `${name}n`, 'type', 'veth', 'peer', 'name', 'far', 'netns', name);
    ip('addr', 'add', `${at(1)}/30`, 'dev', `${name}n`);
    ip('link', 'set', `${name}n`, 'up');
    ip('-n', name, 'addr', 'add', `${at(2)}/30`, 'dev', 'far');
    ip('-n', name, 'link', 'set', 'lo', 'up');
    ip('-n', name, 'link', 'set', 'far', 'up');
    return new FarNetwork(name, at(2));
  }

  /** Packets in both directions are lost from now on; nothing says so to either end. */
  cut(): void {
    ip('-n', this.name, 'link', 'set', 'far', 'down');
  }

  /** Nothing over UDP leaves it, as behind a firewall. */
  udp(isBlocked: boolean): void {
    ip('-n', this.name, 'rule', isBlocked ? 'add' : 'del', 'ipproto', 'udp', 'blackhole');
  }

  /** What goes there has this much room from now on, and hardly any place to wait: the rest is lost. @see tc-tbf(8) */
  lossy(rate: string): void {
    const room = ['tbf', 'rate', rate, 'burst', '3000', 'limit', '6000'];
    execFileSync('tc', ['qdisc', 'replace', 'dev', `${this.name}n`, 'root', ...room]);
  }

  mend(): void {
    ip('-n', this.name, 'link', 'set', 'far', 'up');
  }

  /** The command that runs there what follows it. */
  get command(): readonly string[] {
    return ['ip', 'netns', 'exec', this.name];
  }
}

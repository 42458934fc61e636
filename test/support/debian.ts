import { spawnSync } from 'node:child_process';

/** Debian packages that the tests use as foreign peers. */
const PACKAGES = [
  'chromium',
  'mosquitto',
  'mosquitto-clients',
  'ffmpeg',
  'python3-gi',
  'gir1.2-gst-rtsp-server-1.0',
  'gstreamer1.0-plugins-base',
  'gstreamer1.0-plugins-good',
  'gstreamer1.0-plugins-bad',
  'gstreamer1.0-plugins-ugly',
  'iproute2',
  'iputils-ping',
  'libfaketime',
  'nut-client',
  'nut-server',
  'openssl',
  'procps',
  'python3-pymodbus',
  'python3-serial',
  'python3-serial-asyncio',
  'strace',
  'systemd',
];

/** Those of `PACKAGES` that dpkg does not know as installed. */
export function missingPackages(): string[] {
  return PACKAGES.filter((name) => {
    const result = spawnSync('dpkg', ['--status', name], { encoding: 'utf8' });
    return !result.stdout?.includes('install ok installed');
  });
}

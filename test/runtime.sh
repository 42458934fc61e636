#!/bin/sh
# The pinned Node is linked to libatomic, which a bare Debian lacks. As root it is installed here; otherwise the
# command is printed. npm puts the pinned Node first on the path of its scripts.
set -eu
why=$(node --version 2>&1 >/dev/null) && exit 0

install='apt-get update && apt-get install -y --no-install-recommends libatomic1'
case $why in
  *libatomic*) ;;
  *)
    echo "The pinned Node does not run: $why" >&2
    exit 1
    ;;
esac
if [ "$(id -u)" -ne 0 ]; then
  printf 'The pinned Node needs a Debian package that is not installed. As root:\n  %s\n' "$install" >&2
  exit 1
fi
echo 'installing the Debian package libatomic1' >&2
DEBIAN_FRONTEND=noninteractive sh -c "$install" >&2
exec node --version >/dev/null

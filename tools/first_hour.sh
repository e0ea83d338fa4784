#!/usr/bin/env bash
# The first hour of a new user on a Debian made from nothing: debootstrap, git and make, a clone, `make demo`.
# Usage, as root: tools/first_hour.sh [SUITE] [root|user] [COMMAND ...]    (bookworm, user and make demo where nothing is said)
#   MIRROR  where Debian comes from (by default where this machine has it from)
#   ALONG   files and folders of this machine that go along, such as its settings for pip: "/etc/pip.conf /opt/wheels"
# Nothing else of this machine is seen from inside, and all of it is taken away at the end. `user` has sudo, as the first
# account of an installed Debian has.
set -eu
suite=${1:-bookworm} who=${2:-user}
shift $(($# < 2 ? $# : 2))
command=${*:-make demo}
cd -P "$(dirname "$0")/.."
stop() { printf '%s\n' "$*" >&2; exit 2; }
[ "$(id -u)" = 0 ] || stop "tools/first_hour.sh makes a system of its own, which only root can."
command -v debootstrap >/dev/null || stop "debootstrap is missing: apt-get install debootstrap"
case $who in root|user) ;; *) stop "Say root or user, not '$who'." ;; esac
# Of this machine's sources the one that calls itself Debian.
mirror=${MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' 'Component: main' 2>/dev/null | head -n 1)}
mirror=${mirror:-http://deb.debian.org/debian}
new=$(mktemp -d)
chmod 755 "$new"
trap 'rm -rf --one-file-system "$new"' EXIT
started=$SECONDS
debootstrap --variant=minbase --include=git,make,ca-certificates,sudo "$suite" "$new" "$mirror" >"$new.log" 2>&1 \
    || { tail -n 3 "$new.log" >&2; stop "Debian $suite could not be made from $mirror ($new.log says why)."; }
rm "$new.log"
for path in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt ${ALONG:-}; do
    mkdir -p "$new$(dirname "$path")" && cp -rL "$path" "$new$(dirname "$path")/"
done
home=/root
if [ "$who" = user ]; then
    home=/home/ada
    chroot "$new" useradd -m -s /bin/bash ada
    echo 'ada ALL=(ALL) NOPASSWD: ALL' >"$new/etc/sudoers.d/ada"
fi
git clone -q --no-local . "$new$home/starlight"
chroot "$new" chown -R "$([ "$who" = user ] && echo ada || echo root):" "$home/starlight"
echo "Debian $suite is there after $((SECONDS - started)) s; as $who: $command"
# A root of its own, not a chroot: in one the kernel gives nobody a user namespace, and so no sandbox.
run="cd ~/starlight && $command"
status=0
unshare --mount --pid --fork --kill-child bash -eu -c '
    mount --make-rprivate /
    mount --bind "$1" "$1"
    cd "$1"
    mkdir -p proc sys dev before
    mount -t proc proc proc
    mount --rbind /sys sys
    mount --rbind /dev dev
    pivot_root . before
    umount -l /before
    exec env -i HOME="$2" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TERM=dumb \
        su - "$([ "$2" = /root ] && echo root || echo ada)" -c "$3"' - "$new" "$home" "$run" || status=$?
echo "$command on Debian $suite as $who ended with $status after $((SECONDS - started)) s"
exit $status

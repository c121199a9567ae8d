#!/usr/bin/env bash
# Becomes systemd, on a root folder of its own. To be process 1 of new namespaces (mount, process, network, cgroup, ipc,
# uts): tests/peers/packages/container.sh starts it so.
# Usage: boot.sh ROOT
set -euo pipefail
root=$1
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
while read -r name minor; do
    mknod -m 666 "dev/$name" c 1 "$minor"
done <<'NODES'
null 3
zero 5
full 7
random 8
urandom 9
NODES
mknod -m 666 dev/tty c 5 0
ip link set lo up
mkdir -p mnt
pivot_root . mnt
umount -l /mnt
# As a machine has it: what systemd mounts for a service (its credentials) is to be seen by that service.
mount --make-rshared /
exec env -i container=stranger PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 /lib/systemd/systemd --log-target=journal </dev/null >/dev/null 2>&1

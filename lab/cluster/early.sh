#!/bin/sh
set -eu
mount --make-rshared /
# A node forwards between its pods and its network; this is of the machine's own network namespace.
echo 1 >/proc/sys/net/ipv4/ip_forward
# /sys/fs/cgroup itself is a tmpfs with cgroup v1, and the one hierarchy with cgroup v2.
mount -o remount,bind,rw /sys/fs/cgroup
for hierarchy in /sys/fs/cgroup/*; do
  if [ ! -L "$hierarchy" ] && mountpoint -q "$hierarchy"; then mount -o remount,bind,rw "$hierarchy"; fi
done

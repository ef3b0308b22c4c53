#!/bin/sh
# Before init: what programs expect to be mounted, what the command line asks for, and a sign of life.
# The kernel hands on what it does not know itself: host=NAME address=ADDRESS/BITS disk=FOLDER.
# marker0 tells the instruction counter that the guest is up; elsewhere it does nothing.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
hostname ${host:-linux}
while read module; do insmod /lib/$module.ko; done < /etc/modules
if [ "$address" ]; then
    ip addr add $address dev eth0
    ip link set eth0 up
fi
if [ "$disk" ]; then
    # A disk that begins with nothing but zeros gets a file system.
    [ $(head -c 65536 /dev/vda | hexdump | wc -l) = 3 ] && mke2fs /dev/vda > /dev/null
    mount /dev/vda $disk
fi
echo "guest: ready"
marker0
exec init

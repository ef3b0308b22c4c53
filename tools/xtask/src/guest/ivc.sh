#!/bin/sh
# Messages to and from other guests, over the port that this machine's monitor has for them.
#   ivc send C A B C | ivc broadcast A B C | ivc signal C    does so, and shows what comes within a second
#   ivc                                                      shows what comes, until Ctrl-C
name=$(grep -lx quoll.messages /sys/class/virtio-ports/*/name) || { echo "ivc: no port for messages" >&2; exit 1; }
port=${name%/name}
exec 3<>/dev/${port##*/} || exit 1
result=0
if [ $# -gt 0 ]; then
    echo "$@" >&3
    patience="-t 1"
fi
while read $patience line <&3; do
    echo "$line"
    case $line in busy*|refused*|unknown*) result=1 ;; esac
done
exit $result

#!/bin/busybox sh
# The first process of a virtual machine, started by its kernel. Settings of the kernel's command line that the kernel does
# not know are in the environment: machine_name, machine_address (with prefix), machine_gateway, machine_mtu, machine_ports.
# When this script ends so does the machine: what goes wrong is never mistaken for a boot.
set -e
export PATH=/bin HOME=/
/bin/busybox --install -s /bin
trap 'poweroff -f' EXIT
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in $(cat /modules/order); do insmod "/modules/$module"; done

hostname "$machine_name"
ip link set dev lo up
ip link set dev eth0 mtu "$machine_mtu" up
ip address add "$machine_address" dev eth0
if [ -n "$machine_gateway" ]; then ip route add default via "$machine_gateway"; fi

# A server at each port, which tells who answers.
mkdir -p /www /run
echo "$machine_name" >/www/index.html
for port in $(echo "$machine_ports" | tr , ' '); do httpd -p "$port" -h /www; done

# Commands come one a line: a number, then the command in the shell's language. Each answer is one line: the number, the
# exit code, and what the command said in base64. Commands may overlap, so each answer is one write (by dd).
exec </dev/hvc0
stty raw -echo
set +e
echo ready >/dev/hvc0
while read -r number command; do
  (
    (eval "$command") </dev/null >"/run/$number" 2>&1
    echo "$number $? $(base64 -w 0 "/run/$number")" >"/run/$number.answer"
    dd if="/run/$number.answer" of=/dev/hvc0 bs=16M 2>/dev/null
    rm "/run/$number" "/run/$number.answer"
  ) &
done

# Runs as a service without privileges. A child of it is killed for memory, and it asks the tracer about itself and about others.
. /run/other
ask() {
    name=$1
    shift
    oomtrace why "$@" >/dev/null 2>/tmp/said
    echo "$name $?"
    sed 's/^/  /' /tmp/said
}
sh -c 'echo $$ >/tmp/pid; exec dd if=/dev/zero of=/dev/null bs=64M count=1' 2>/dev/null
echo "the child ended with $?"
# The report follows the kill after about a second.
for _ in $(seq 100); do oomtrace why "$(cat /tmp/pid)" >/dev/null 2>&1 && break; sleep 0.1; done
ask itself "$(cat /tmp/pid)"
ask its-unit asker.service
ask its-cgroup /system.slice/asker.service
ask another-unit eater.service
ask another-pid "$OTHER"
ask another-cgroup /system.slice/eater.service
# The root cgroup contains its own as well, and the answer is about its own alone.
ask all-of-its-own /
exit 0

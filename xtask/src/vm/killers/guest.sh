# Runs as a unit of a booted Debian system with real systemd on cgroup v2. It lets earlyoom, systemd-oomd, systemd and the kernel kill, and
# stops services in ordinary ways. It judges nothing. The results are in /root/check/out. Its output goes to the second serial port. The last
# line of a complete run is "killers: finished".
set -u
cd /root/check
exec >/dev/ttyS1 2>&1
trap 'sync; sleep 1; systemctl reboot --force --force' EXIT
mkdir out
hog=/usr/local/bin/hog
recordings=/var/lib/private/oomtrace

# Repeats a command for up to a minute until it succeeds.
until_true() {
    for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.2; done
    echo "waited in vain for: $*"
    return 1
}
fact() { echo "$1=$2" | tee -a out/facts; }
property() { systemctl show --property="$1" --value "$2"; }
is_over() { [ "$(property ActiveState "$1")" != active ]; }
# The answers of the running tracer: about a unit, and about a process.
ask() {
    oomtrace why "$1.service" --socket /run/oomtrace/socket >"out/$1.unit" 2>&1
    fact "$1.unit_status" $?
    oomtrace why "$2" --socket /run/oomtrace/socket >"out/$1.pid" 2>&1
    fact "$1.pid_status" $?
}
is_known() { oomtrace why "$1.service" --socket /run/oomtrace/socket; }

# Starts a service that consists of a shell, three processes that sleep, and one that needs more memory than the limit. The kernel kills the
# last one. If trap is set, the shell survives SIGTERM.
service() {
    name=$1
    shift
    systemd-run --quiet --unit="$name" --property=MemoryMax=24M --property=MemorySwapMax=0 "$@" /bin/sh -c \
        "$trap for n in 1 2 3; do sleep 600 & done; sleep 1; $hog --comm $name anon --mib 96 >/dev/null & while :; do wait; done"
}
trap=

# MemAvailable less this percentage of MemTotal, in MiB.
all_but() {
    awk -v percent="$1" '/^MemTotal/ { total = $2 } /^MemAvailable/ { free = $2 }
        END { printf "%d", (free - total * percent / 100) / 1024 }' /proc/meminfo
}

early_term() {
    systemd-run --quiet --unit=early-term $hog --comm early-term --hold leak --rate 200 --mib "$(all_but 11)"
    pid=$(property MainPID early-term)
    fact early-term.pid "$pid"
    until_true is_over early-term
    until_true is_known early-term
    ask early-term "$pid"
}
# A shell that ignores SIGTERM becomes the process, which then ignores it as well.
early_kill() {
    systemd-run --quiet --unit=early-kill /bin/sh -c \
        "trap '' TERM; exec $hog --comm early-kill --hold leak --rate 200 --mib $(all_but 5)"
    pid=$(property MainPID early-kill)
    fact early-kill.pid "$pid"
    until_true is_over early-kill
    until_true is_known early-kill
    ask early-kill "$pid"
}
# Five processes. systemd leaves them to systemd-oomd when the first one exits. Reading the disk again and again keeps reclaim busy: systemd-oomd does not act on a cgroup in which nothing is reclaimed.
pressed() {
    disks=$(printf '/dev/nvme0n1 %.0s' $(seq 50))
    systemd-run --quiet --unit=pressed --slice=pressed.slice --property=OOMPolicy=continue --property=KillMode=process \
        --property=MemoryHigh=24M --property=MemorySwapMax=0 \
        /bin/sh -c "for n in 1 2 3; do sleep 600 & done
            cat $disks >/dev/null & exec $hog --comm pressed --hold leak --rate 20 --mib 400"
    pid=$(property MainPID pressed)
    fact pressed.pid "$pid"
    sleep 2
    fact pressed.count "$(wc -l </sys/fs/cgroup/pressed.slice/pressed.service/cgroup.procs)"
    until_true is_over pressed || cat /sys/fs/cgroup/pressed.slice/memory.pressure
    until_true is_known pressed
    ask pressed "$pid"
    journalctl --no-pager --output=cat -u pressed -u systemd-oomd
}
# The policy of systemd after the kernel has killed one process of a service.
policy() {
    service "$1" --property=OOMPolicy="$2" --property=TimeoutStopSec=3
    pid=$(property MainPID "$1")
    until_true is_known "$1"
    sleep 4
    ask "$1" "$pid"
    fact "$1.result" "$(property Result "$1")"
    systemctl stop "$1"
}
# Not for memory: SIGTERM, and SIGKILL when the service ignores it.
stubborn() {
    systemd-run --quiet --unit=stubborn --property=MemoryMax=64M --property=TimeoutStopSec=1 \
        /bin/sh -c "trap '' TERM; while :; do sleep 0.2; done"
    sleep 2
    pid=$(property MainPID stubborn)
    systemctl stop stubborn
    fact stubborn.result "$(property Result stubborn)"
    sleep 2
    ask stubborn "$pid"
}
plain() {
    systemd-run --quiet --unit=plain sleep 600
    pid=$(property MainPID plain)
    kill -9 "$pid"
    until_true is_over plain
    sleep 2
    ask plain "$pid"
}

systemctl stop earlyoom systemd-oomd systemd-oomd.socket
systemctl --version | head -n 1
fact systemd-oomd.announces "$(grep -c prekill /usr/lib/systemd/systemd-oomd)"
systemctl start oomtrace-oomd-hook.socket || journalctl --no-pager -u oomtrace-oomd-hook.socket
systemctl start oomtrace || journalctl --no-pager -u oomtrace
journalctl --no-pager --output=cat -u oomtrace

stubborn
plain
policy stop stop
policy group kill
policy continue continue
trap="trap : TERM;" policy stop-hard stop
systemctl start earlyoom
fact earlyoom.pid "$(property MainPID earlyoom)"
early_term
early_kill
journalctl --no-pager --output=cat -u earlyoom
systemctl stop earlyoom
systemctl start systemd-oomd
fact systemd-oomd.pid "$(property MainPID systemd-oomd)"
pressed
systemctl stop systemd-oomd systemd-oomd.socket
uname -r
systemctl stop oomtrace
for recording in "$recordings"/*.oomtrace; do oomtrace replay "$recording" --format json; done >out/reports.json
for recording in "$recordings"/*.oomtrace; do oomtrace dump "$recording" | grep " Prekill "; done
oomtrace list $recordings
wc -l out/reports.json
journalctl --no-pager --output=cat -u oomtrace
dmesg | grep -i "oom\|killed" | tail -n 40
echo "killers: finished"

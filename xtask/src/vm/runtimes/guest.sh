# Runs as a unit of a booted Debian system with real systemd on cgroup v2. It starts a container, unit, scope or session of
# each kind and runs the memory program in it until it exceeds the limit. The results are in /root/check/out. Its output goes to
# the second serial port. The last line of a complete run is "runtimes: finished".
set -u
cd /root/check
exec >/dev/ttyS1 2>&1
trap 'sync; sleep 1; systemctl reboot --force --force' EXIT
mkdir out
limit=25165824

# Waits for up to half a minute until a command succeeds.
until_true() {
    for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
    echo "waited in vain for: $*"
    return 1
}
alice() {
    setpriv --reuid 1000 --regid 1000 --init-groups env -i -C /home/alice HOME=/home/alice USER=alice PATH=/usr/local/bin:/usr/bin:/usr/sbin \
        XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus "$@"
}
# The tracer reads names in advance. The test does not measure how long that takes.
names_are_read() { sleep 3; }
reported() { grep -q "\"eat-$1\"" out/live.json && grep -q "eat-$1" out/live.line; }
eaten() { until_true reported "$1" && echo "$1: reported"; }
init_pid() { echo "$2" >"out/$1.pid"; }

useradd --create-home --uid 1000 --shell /bin/sh alice
loginctl enable-linger alice
until_true systemctl is-active user@1000.service
root_podman() { podman --storage-driver=vfs --runtime=crun "$@"; }
user_podman() { alice podman --storage-driver=vfs --runtime=crun "$@"; }
tar -C rootfs -cf /home/alice/rootfs.tar .
root_podman import /home/alice/rootfs.tar oomtest
user_podman import /home/alice/rootfs.tar oomtest

oomtrace watch --format json --record out/oom.oomtrace >out/live.json 2>out/json.log &
oomtrace watch >out/live.line 2>out/line.log &
until_true grep armed out/json.log && until_true grep armed out/line.log || cat out/*.log

unit() {
    systemctl start eater.service
}
scope() {
    systemd-run --quiet --scope --unit=batch --property=MemoryMax=$limit eat-scope anon --mib 64
}
user_unit() {
    # The user's systemd starts processes with an oom_score_adj of 100, which only root can lower.
    alice systemd-run --user --quiet --wait --unit=leaky --property=MemoryMax=$limit eat-user_unit --adj 200 anon --mib 64
}
session() {
    su - alice -c 'while [ ! -e /run/session-goes-on ]; do sleep 0.1; done; eat-session anon --mib 64; true' &
    until_true pgrep -f 'sh -c while' || return
    scope=$(sed -n 's/.*\(session-.*\.scope\)$/\1/p' "/proc/$(pgrep -of 'sh -c while')/cgroup")
    echo "the session's scope is $scope"
    systemctl set-property --runtime "$scope" MemoryMax=$limit
    touch /run/session-goes-on
}
nspawn() {
    systemd-nspawn --quiet --register=yes --machine=box --directory=/var/lib/machines/box --property=MemoryMax=$limit \
        /bin/sh -c 'while [ ! -e /go ]; do sleep 0.1; done; eat-nspawn anon --mib 64; sleep 300' &
    until_true test -e /run/systemd/machines/box || return
    names_are_read
    init_pid nspawn "$(machinectl show --property=Leader --value box)"
    touch /var/lib/machines/box/go
}
bundle() {
    mkdir -p "$1"
    (cd "$1" && "$2" spec && sed -i 's|"terminal": true|"terminal": false|; s|^\(\s*\)"sh"$|\1"sleep", "300"|
        s|"path": "rootfs"|"path": "/root/check/rootfs"|' config.json)
}
runc_alone() {
    bundle bundle-runc runc
    runc --systemd-cgroup run --detach --bundle bundle-runc shop </dev/null >/dev/null || return
    runc --systemd-cgroup update --memory $limit shop
    names_are_read
    init_pid runc "$(cat "/sys/fs/cgroup/system.slice/runc-shop.scope/cgroup.procs")"
    runc exec shop eat-runc anon --mib 64
}
crun_alone() {
    bundle bundle-crun crun
    crun --systemd-cgroup run --detach --bundle bundle-crun stall </dev/null >/dev/null || return
    crun update --memory $limit stall
    names_are_read
    init_pid crun "$(crun state stall | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')"
    crun exec stall eat-crun anon --mib 64
}
podman_as() {
    "$1" run -d --name "$3" --memory $limit --network none --log-driver k8s-file oomtest /bin/sleep 300 >"out/$2.id" || return
    names_are_read
    init_pid "$2" "$("$1" inspect --format '{{.State.Pid}}' "$3")"
    "$1" exec "$3" "eat-$2" anon --mib 64
}
try() { echo "== $1"; shift; "$@" </dev/null; }
try unit unit; eaten unit
try scope scope; eaten scope
try user_unit user_unit; eaten user_unit
try session session; eaten session
try nspawn nspawn; eaten nspawn
try runc runc_alone; eaten runc
try crun crun_alone; eaten crun
try podman podman_as root_podman podman web; eaten podman
try rootless podman_as user_podman rootless shelf; eaten rootless

pkill -INT -x oomtrace
until_true sh -c '! pgrep -x oomtrace'
cat out/json.log out/line.log
echo "runtimes: finished"

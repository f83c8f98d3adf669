# Runs as a unit of a booted Debian system with real systemd: the life of the packaged service. Its output goes
# to the second serial port, and the guest powers down after it. The last line of a complete run is "service: passed".
set -eu
cd /root/check
exec >/dev/ttyS1 2>&1
trap 'sleep 1; systemctl reboot --force --force' EXIT

fail() { echo "service: $1"; exit 1; }
property() { systemctl show --property="$1" --value oomtrace; }
recorded() { oomtrace list --comm dd | grep -q dd; }

dpkg --install old.deb >/dev/null
[ "$(systemctl is-enabled oomtrace || true)" = disabled ] || fail "installing enabled the service"
[ "$(property ActiveState)" = inactive ] || fail "installing started the service"
journalctl --list-catalog 6cd8a46431c4418697e6843ea466dc9d || fail "the journal's catalog lacks the message"
echo 'OOMTRACE_OPTIONS="--journal"' >/etc/default/oomtrace

systemctl enable --now oomtrace || { journalctl --no-pager -u oomtrace; fail "the service does not start"; }
[ "$(property ActiveState)" = active ] || fail "the service is not running"
[ "$(property NRestarts)" = 0 ] || fail "the service had to be restarted"
! systemctl start eater || fail "the process was not killed"
for _ in $(seq 100); do recorded && break; sleep 0.1; done
recorded || fail "the service did not record the kill"
oomtrace show -1 | head -20
oomtrace show -1 | grep -q eater.service || fail "the report does not name the unit of the victim"
journalctl --no-pager --output=cat OOM_VICTIM_COMM=dd | grep eater || fail "the journal has no entry of the kill"

# Capabilities that the host of a container may lack: the rows SYS_NICE, SYS_RESOURCE and SYSLOG of docs/install.md.
lacking() { echo "--property=CapabilityBoundingSet=~CAP_$1"; }
start() {
    systemctl stop lacking 2>/dev/null || true
    systemd-run --quiet --collect --unit=lacking "$@" /usr/bin/oomtrace watch
    pid=$(systemctl show --property=MainPID --value lacking)
    for _ in $(seq 100); do
        journalctl --no-pager _PID="$pid" | grep -q armed && return
        sleep 0.1
    done
    fail "a tracer with $* is not armed"
}
# SCHED_FIFO or SCHED_RR.
is_real_time() { case $(cut -d' ' -f41 "/proc/$pid/stat") in 1 | 2) ;; *) return 1 ;; esac; }
is_spared() { [ "$(cat "/proc/$pid/oom_score_adj")" = -1000 ]; }
# Without a message bus, systemctl does not wait for a unit.
said() {
    systemd-run --quiet --collect --unit=saying --property=StandardOutput=truncate:/run/said "$@" /usr/bin/oomtrace check
    for _ in $(seq 100); do
        case $(systemctl is-active saying || true) in active | activating) sleep 0.1 ;; *) break ;; esac
    done
    cat /run/said
}
start
is_real_time || fail "with all capabilities the tracer has no real-time priority"
is_spared || fail "with all capabilities the tracer can be killed"
start "$(lacking SYS_NICE)"
! is_real_time || fail "without SYS_NICE the tracer has real-time priority"
is_spared || fail "without SYS_NICE the tracer can be killed"
start "$(lacking SYS_RESOURCE)"
is_real_time || fail "without SYS_RESOURCE the tracer has no real-time priority"
! is_spared || fail "without SYS_RESOURCE the tracer cannot be killed"
systemctl stop lacking
! said | grep "stay approximate" || fail "with all capabilities counters stay approximate"
said "$(lacking SYSLOG)" | grep "stay approximate" || fail "without SYSLOG counters do not stay approximate"

first=$(property MainPID)
dpkg --install new.deb >/dev/null
[ "$(property ActiveState)" = active ] || fail "the upgrade stopped the service"
[ "$(property MainPID)" != "$first" ] || fail "the upgrade left the old program running"
[ "$(systemctl is-enabled oomtrace)" = enabled ] || fail "the upgrade disabled the service"
grep -q journal /etc/default/oomtrace || fail "the upgrade overwrote the settings"
recorded || fail "the upgrade lost the recording"

dpkg --remove oomtrace >/dev/null
[ "$(systemctl is-active oomtrace || true)" = inactive ] || fail "removing left the service running"
ls /var/lib/oomtrace/*.oomtrace || fail "removing deleted the recordings"

dpkg --purge oomtrace >/dev/null
[ ! -e /var/lib/oomtrace ] && [ ! -e /var/lib/private/oomtrace ] || fail "purging left the recordings"
echo "service: passed"

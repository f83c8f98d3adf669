# Runs as a unit of a booted Debian system with real systemd: the tracer as a service, asked by other services. Its output goes to the
# second serial port, and the guest powers down after it. The last line of a complete run is "systemd: passed".
set -eu
cd /root/check
exec >/dev/ttyS1 2>&1

fail() { echo "systemd: $1"; journalctl --no-pager -u oomtrace | tail -20; exit 1; }
property() { systemctl show --property="$1" --value oomtrace; }
# Repeats a command until it succeeds.
until_true() { for _ in $(seq 300); do "$@" && return; sleep 0.1; done; return 1; }
count() { oomtrace list --comm dd --format json | grep -c '"pid"'; }
has() { [ "$(count)" -eq "$1" ]; }
# Another process than the first one, and ready. A service whose process has just died is still active for a moment.
running() {
    now=$(property MainPID)
    [ "$now" != "$first" ] && [ "$now" != 0 ] && [ "$(property ActiveState)" = active ]
}

echo 'OOMTRACE_OPTIONS="--journal"' >/etc/default/oomtrace
systemctl daemon-reload

# Readiness. systemd starts the next unit when the service has said READY=1, and by then all hooks are in place.
systemctl start oomtrace || fail "the service does not start"
[ "$(property ActiveState)" = active ] || fail "the service is not active"
[ "$(property Type)" = notify ] || fail "the service does not notify"
journalctl --no-pager -u oomtrace | grep -q "armed, tier" || fail "ready before it was armed"
! systemctl start eater || fail "the process was not killed"
until_true has 1 || fail "a kill right after the start was not recorded"
echo "readiness: armed before READY=1, the next unit's kill is recorded"

# The sandbox.
first=$(property MainPID)
status=/proc/$first/status
grep -q '^NoNewPrivs:	1' "$status" || fail "new privileges are possible"
grep -q '^Seccomp:	2' "$status" || fail "no filter of system calls"
[ "$(awk '/^Uid:/ { print $2 }' "$status")" -ge 61184 ] || fail "not a dynamic user"
[ "$(readlink "/proc/$first/ns/net")" != "$(readlink /proc/1/ns/net)" ] || fail "the network is reachable"
[ "$(readlink "/proc/$first/ns/mnt")" != "$(readlink /proc/1/ns/mnt)" ] || fail "the file systems are not private"
! nsenter --mount --target "$first" touch /usr/x 2>/dev/null || fail "/usr can be written"
echo "sandbox: $(grep -E '^(CapEff|NoNewPrivs|Seccomp):' "$status" | tr '\t\n' '  ')uid $(awk '/^Uid:/ { print $2 }' "$status"), no network"

# The journal. Its fields are trusted for -u only if root wrote them.
journal() { journalctl --no-pager --output=cat "$@" | grep -q "eater.service\|dd"; }
until_true journal OOM_VICTIM_COMM=dd || fail "no entry for OOM_VICTIM_COMM=dd"
journal UNIT=eater.service || fail "no entry for UNIT=eater.service"
journalctl --no-pager --output=json OOM_VICTIM_COMM=dd | grep -q '"OOM_CAUSE":"memcg_limit"' || fail "no OOM_CAUSE"
systemd-run --quiet --collect --unit=as-root /usr/bin/oomtrace watch --journal --history off
armed() { journalctl --no-pager -u as-root | grep -q armed; }
until_true armed || fail "the tracer of root is not armed"
! systemctl start eater || fail "the process was not killed"
by_root() { journalctl --no-pager --output=json -u eater | grep -q '"OOM_VICTIM_COMM":"dd"'; }
until_true by_root || fail "journalctl -u eater does not show the entry"
systemctl stop as-root
echo "journal: OOM_VICTIM_COMM=dd, UNIT=eater.service and -u eater find the kill"

# Questions of an unprivileged service: about itself, its unit, another unit, another process.
until_true has 2 || fail "the second kill was not recorded"
others=$(oomtrace list -1 --comm dd --format json | sed 's/.*"victim":{"pid":\([0-9]*\).*/\1/')
echo "OTHER=$others" >/run/other
systemctl start asker || { systemctl status --no-pager asker; fail "the asking service failed"; }
cat /run/asked
for line in "itself 0" "its-unit 0" "its-cgroup 0" "another-unit 3" "another-pid 3" "another-cgroup 3" "all-of-its-own 0"; do
    grep -q "^$line$" /run/asked || fail "expected '$line'"
done
oomtrace why eater.service --socket /run/oomtrace/socket || fail "root is not answered"
echo "why: an unprivileged service learns about itself and is refused about others"

# Reload. A shorter age of a file applies at the next write, a wrong file changes nothing, and a setting for the next start is named.
files() { ls /var/lib/oomtrace/ | wc -l; }
says() { journalctl --no-pager --output=cat -u oomtrace | grep -qF "$1"; }
reload() {
    printf '%b' "$1" >/etc/oomtrace.toml
    systemctl reload oomtrace || fail "systemctl reload"
    until_true says "$2" || fail "after a reload the journal does not say '$2'"
    [ "$(property ActiveState)" = active ] && [ "$(property MainPID)" = "$first" ] || fail "the reload ended the service"
}
before=$(files)
kills=$(count)
reload '[record]\nmax-age = "1s"\nmetrics = 9402\n' 'settings reloaded, changed: `max-age` (/etc/oomtrace.toml:2)'
until_true says '`metrics` in /etc/oomtrace.toml:3 takes effect at the next start' || fail "a setting for the next start is not named"
! systemctl start eater || fail "the process was not killed"
until_true has "$((kills + 1))" || fail "a kill after the reload was not recorded"
[ "$(files)" -gt "$before" ] || fail "the shorter age does not apply"
reload '[record]\nmax-age = "old"\n' 'settings not reloaded, the old ones stay: /etc/oomtrace.toml:2: `max-age`'
reload '' 'settings reloaded, changed: `max-age` (not set any more)'
rm /etc/oomtrace.toml
echo "reload: $before files before a shorter age, $(files) after it; a wrong file changed nothing"

# A watch with a filter, which a reload changes.
printf 'comm = "other"\n' >/etc/watch.toml
systemd-run --quiet --collect --unit=filtered /usr/bin/oomtrace watch --history off --config /etc/watch.toml
filtered() { journalctl --no-pager --output=cat -u filtered | grep -qF "$1"; }
until_true filtered armed || fail "the filtered tracer is not armed"
! systemctl start eater || fail "the process was not killed"
until_true has "$((kills + 2))" || fail "the kill was not recorded"
printf 'comm = "dd"\n' >/etc/watch.toml
systemctl kill --signal=HUP --kill-who=main filtered
until_true filtered 'settings reloaded, changed: `comm` (/etc/watch.toml:1)' || fail "the filter was not reloaded"
! filtered eater || fail "the filter does not hide a kill"
! systemctl start eater || fail "the process was not killed"
until_true filtered eater || fail "the new filter does not show a kill"
systemctl stop filtered
until_true has "$((kills + 3))" || fail "the kill was not recorded"
echo "reload: a changed filter of watch applies to the next kill"

# Restart after SIGKILL. The recording goes on in the next file, and the socket answers again.
before=$(count)
kill -9 "$first"
until_true running || fail "the service was not restarted"
! systemctl start eater || fail "the process was not killed"
until_true has "$((before + 1))" || fail "the recording was not continued: $before kills before, $(count) now"
oomtrace why eater.service --socket /run/oomtrace/socket >/dev/null || fail "the socket does not answer after the restart"
[ "$(property NRestarts)" = 1 ] || fail "$(property NRestarts) restarts"
echo "restart: $before kills before SIGKILL, $(count) in the recording now"

# Announcements of systemd-oomd, through the socket that systemd passes. The version of Debian 13 makes none, so a script does.
hook=/run/systemd/oomd.prekill.hook/oomtrace
echo 'systemd-oom:x:983:983::/:/usr/sbin/nologin' >>/etc/passwd
systemctl stop oomtrace
systemctl start oomtrace-oomd-hook.socket || fail "the socket for announcements is not created"
systemctl start oomtrace || fail "the service does not start with the socket"
[ "$(stat -c '%U %a' "$hook")" = "systemd-oom 600" ] || fail "the socket has $(stat -c '%U %a' "$hook")"
announced() { oomtrace show -1 --format json | grep -q '"prekill":{.*"cgroup":"/system.slice/'"$1"'.service"'; }
announce() {
    systemd-run --quiet --unit="$1" /bin/sleep 1000
    reply=$(perl /usr/local/bin/announce "/system.slice/$1.service" "$(systemctl show --property=MainPID --value "$1")")
    [ "$reply" = '{"parameters":{}}' ] || fail "the reply is $reply"
    until_true announced "$1" || fail "the kill of $1 is not reported with its announcement"
}
announce doomed
! setpriv --reuid=65534 --clear-groups perl /usr/local/bin/announce /a 1 2>/run/refused || fail "another user may announce a kill"
grep -qx "connecting: Permission denied" /run/refused || fail "another user is refused with '$(cat /run/refused)'"
systemctl stop oomtrace
[ -S "$hook" ] || fail "the service removed the socket of systemd"
announce doomed-later
[ "$(property ActiveState)" = active ] || fail "an announcement does not start the service"
systemctl stop oomtrace-oomd-hook.socket
echo "announcements: reported with the kill, also if they start the service; other users cannot connect"

# The watchdog. A stopped process sends no WATCHDOG=1.
first=$(property MainPID)
mkdir -p /etc/systemd/system/oomtrace.service.d
printf '[Service]\nWatchdogSec=2s\nTimeoutAbortSec=2s\n' >/etc/systemd/system/oomtrace.service.d/watchdog.conf
systemctl daemon-reload
systemctl restart oomtrace
sleep 8
[ "$(property NRestarts)" = 0 ] || fail "the watchdog acts on a tracer that works"
first=$(property MainPID)
kill -STOP "$first"
until_true running || fail "the watchdog did not restart a stopped tracer"
journalctl --no-pager -u oomtrace | grep -q "Watchdog timeout" || fail "no watchdog timeout in the journal"
echo "watchdog: a tracer that works stays, a stopped one is restarted"
systemctl stop oomtrace
echo "systemd: passed"

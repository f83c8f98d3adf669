# Runs in a clean Debian root directory without Rust: installs, uses, upgrades, removes and purges the package.
# $1 is an older package, $2 the one under test. The last line of a complete run is "deb: passed".
set -eu

fail() { echo "deb: $1" >&2; exit 1; }
status() { dpkg-query --show --showformat='${db:Status-Status}' oomtrace; }

for program in cargo rustc gcc; do
    ! command -v "$program" >/dev/null || fail "$program is installed here"
done

dpkg --install "$1" >/dev/null
[ "$(status)" = installed ] || fail "not installed"
[ -z "$(dpkg --verify oomtrace)" ] || fail "files differ from the package's"
[ "$(systemctl is-enabled oomtrace 2>/dev/null)" = disabled ] || fail "installing enabled the service"
[ ! -e /var/lib/oomtrace ] || fail "installing made recordings"
man --where oomtrace oomtrace-record >/dev/null || fail "no manual pages"
[ "$(oomtrace --version)" = "oomtrace $3" ] || fail "another version: $(oomtrace --version)"
oomtrace check || [ $? = 4 ] || fail "check failed"

mkdir /var/lib/oomtrace
oomtrace record --dir /var/lib/oomtrace -- oomtrace demo | grep "was killed" || fail "the demo reported no kill"
oomtrace list | grep memcg_limit || fail "the recording has no kill"
echo 'OOMTRACE_OPTIONS="--max-total 4G"' >/etc/default/oomtrace

dpkg --install "$2" >/dev/null
[ "$(dpkg-query --show --showformat='${Version}' oomtrace)" = "$3-1" ] || fail "not upgraded"
grep -q 4G /etc/default/oomtrace || fail "the upgrade overwrote the settings"
[ "$(systemctl is-enabled oomtrace 2>/dev/null)" = disabled ] || fail "upgrading enabled the service"
oomtrace show -1 >/dev/null || fail "the recording is not readable after the upgrade"

dpkg --remove oomtrace >/dev/null
[ ! -e /usr/bin/oomtrace ] || fail "removing left the program"
[ -n "$(ls /var/lib/oomtrace)" ] || fail "removing deleted the recordings"
[ -e /etc/default/oomtrace ] || fail "removing deleted the settings"

dpkg --purge oomtrace >/dev/null
for left in /var/lib/oomtrace /etc/default/oomtrace /etc/systemd/system/multi-user.target.wants/oomtrace.service; do
    [ ! -e "$left" ] || fail "purging left $left"
done
[ -z "$(find / -xdev -name '*oomtrace*' -not -path '/tmp/*' -not -path '/proc/*')" ] || fail "purging left files"
echo "deb: passed"

# Runs as a unit of a booted Debian system with real systemd: ends processes in random ways that look alike, and asks the running tracer
# about each. The last line of a complete run is "endings: passed".
set -u
cd /root/check
exec >/dev/ttyS1 2>&1
. /root/check/plan
RANDOM=$SEED

top=/sys/fs/cgroup/endings
hog=/usr/local/bin/hog
socket=/run/oomtrace/socket
said=/run/oomtrace/said
answers=/run/oomtrace/answers
mkdir -p /run/oomtrace /root/check/recordings $top
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
echo +memory >$top/cgroup.subtree_control
for name in limit group; do
    mkdir $top/$name
    echo 24M >$top/$name/memory.max
    [ ! -e $top/$name/memory.swap.max ] || echo 0 >$top/$name/memory.swap.max
done
echo 1 >$top/group/memory.oom.group
# The kernel must choose neither this shell nor what it starts, except for the processes that raise their own value again.
echo -1000 >/proc/self/oom_score_adj
: >$answers

oomtrace record --dir /root/check/recordings --socket $socket 2>$said &
tracer=$!
for _ in $(seq 600); do grep -q armed $said && break; sleep 0.1; done
grep -q armed $said || { cat $said; exit 1; }
sleep 1

# Page faults of the tracing thread, and pages of its heap. Prints "faults FILE-AND-MEMORY heap KIB".
memory() {
    read -r _ _ _ _ _ _ _ _ _ minor _ major _ <"/proc/$tracer/task/$tracer/stat"
    echo "faults $((minor + major)) heap $(awk '/\[heap\]/ { of = 1 } of && /^Size:/ { print $2; exit }' "/proc/$tracer/smaps") KiB" \
        "$(awk '/^RssAnon|^VmRSS/ { printf "%s %s ", $1, $2 }' "/proc/$tracer/status")"
}

# Each sets pid to the process id, and returns when the process is dead.
plain='echo 0 >/proc/self/oom_score_adj;'
limit="$plain echo \$\$ >$top/limit/cgroup.procs;"
await() { pid=$1; wait "$1" 2>/dev/null; }
oom() { sh -c "$limit exec $hog anon --mib 96" >/dev/null & await $!; }
group() { sh -c "$plain echo \$\$ >$top/group/cgroup.procs; $hog anon --mib 96 & exec sleep 600" >/dev/null & await $!; }
machine() { sh -c "echo 1000 >/proc/self/oom_score_adj; exec $hog anon --mib 4096" >/dev/null & await $!; }
child_then_term() { sh -c "$limit $hog anon --mib 96; kill -TERM \$\$; sleep 600" >/dev/null & await $!; }
childs_status() { sh -c "$limit $hog anon --mib 96; exit \$?" >/dev/null & await $!; }
kill9() { sleep 600 & kill -9 $!; await $!; }
term() { sleep 600 & kill -TERM $!; await $!; }
timeout_kill() { timeout -s KILL 0.05 sleep 600 & await $!; }
exit137() { sh -c 'exit 137' & await $!; }
# systemd's own timeout: the service ignores SIGTERM and gets SIGKILL.
systemd_timeout() {
    systemd-run --quiet --unit="slow$1" --property=RuntimeMaxSec=1 --property=TimeoutStopSec=1 \
        sh -c 'trap "" TERM; while :; do sleep 0.1; done'
    for _ in $(seq 300); do [ "$(systemctl is-active "slow$1")" = failed ] && break; sleep 0.2; done
    # systemd knows the number even if the process had no time to run.
    pid=$(systemctl show --property=ExecMainPID --value "slow$1")
}

# Asks about one process, and notes whether the answer is right.
ask() {
    answer=/run/oomtrace/answer.$1
    oomtrace why "$1" --socket $socket --format json >"$answer" 2>"$answer.said"
    code=$?
    verdict=$(sed 's/.*"verdict":"\([a-z_]*\)".*"pid":\([0-9]*\),"report".*/\1 \2/' "$answer" | head -c 100)
    right=0
    case $2 in
        oom | group | machine) [ "$code $verdict" = "0 oom_kill $1" ] || right=1 ;;
        *) [ $code -eq 7 ] && [ -z "$verdict" ] || right=1 ;;
    esac
    if [ "$2" = systemd_timeout ]; then
        oomtrace why "slow$3.service" --socket $socket --format json 2>/dev/null | grep -q '"verdict":"systemd_timeout"' || right=1
    fi
    echo "$2 $right" >>$answers
    [ $right -eq 0 ] || echo "pid $1, $2: status $code, '$verdict' $(cat "$answer.said")"
    rm "$answer" "$answer.said"
}
asked() { for job in $(jobs -p); do [ "$job" = "$tracer" ] || wait "$job" 2>/dev/null; done; }

echo "before: $(memory)"
for number in $(seq "$COUNT"); do
    case $((RANDOM % 80)) in
        [0-9]) way=oom ;;
        1[0-9]) way=group ;;
        2[0-7]) way=machine ;;
        2[89] | 3[0-6]) way=child_then_term ;;
        3[7-9] | 4[0-5]) way=childs_status ;;
        4[6-9] | 5[0-3]) way=kill9 ;;
        5[4-9] | 6[01]) way=term ;;
        6[2-9]) way=timeout_kill ;;
        7[0-2]) way=systemd_timeout ;;
        *) way=exit137 ;;
    esac
    $way "$number"
    ask "$pid" "$way" "$number" &
    [ $((number % 8)) -ne 0 ] || asked
    [ $((number % 50)) -ne 0 ] || echo "after $number: $(memory)"
done
asked
echo "at the end: $(memory)"
kill -INT $tracer
wait $tracer
code=$?
cat $said
[ $code -eq 0 ] || { echo "the tracer exited with $code"; exit 1; }
uname -r
echo "| how the process ended | asked | mistakes |"
echo "| --- | --- | --- |"
for way in $(cut -d' ' -f1 $answers | sort -u); do
    echo "| $way | $(grep -c "^$way " $answers) | $(grep "^$way " $answers | grep -vc ' 0$') |"
done
[ "$(wc -l <$answers)" -eq "$COUNT" ] || { echo "$(wc -l <$answers) of $COUNT answers"; exit 1; }
grep -vq ' 0$' $answers || echo "endings: passed"

# Runs as a unit of a booted Debian system: measures what the tracing thread takes from the kernel in storms of kills. It asserts nothing. The
# last line of a complete run is "reserve: passed".
set -u
cd /root/check
exec >/dev/ttyS1 2>&1

top=/sys/fs/cgroup/reserve
hog=/usr/local/bin/hog
mkdir $top
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
echo +memory >$top/cgroup.subtree_control
: >reports
# The history reads samples now and then, which is not part of a kill.
oomtrace watch --format json --history off >reports 2>said &
tracer=$!
until_true() { for _ in $(seq 900); do "$@" && return; sleep 0.1; done; return 1; }
armed() { grep -q armed said; }
until_true armed || { cat said; exit 1; }

# Page faults of the tracing thread, and the size of its heap in KiB.
faults() {
    read -r _ _ _ _ _ _ _ _ _ minor _ major _ <"/proc/$tracer/task/$tracer/stat"
    echo $((minor + major))
}
heap() { awk '/\[heap\]/ { of = 1 } of && /^Size:/ { print $2; exit }' "/proc/$tracer/smaps"; }
reported() { [ "$(wc -l <reports)" -ge "$1" ]; }

# Creates a cgroup with this limit.
cgroup() {
    mkdir "$top/$1"
    echo "$2" >"$top/$1/memory.max"
    [ ! -e "$top/$1/memory.swap.max" ] || echo 0 >"$top/$1/memory.swap.max"
}
filled() { [ "$(wc -l <"$top/$1/cgroup.procs")" -gt "$2" ]; }
# Starts processes that do nothing in a cgroup, and waits for them.
crowd() {
    ($hog --cgroup "$top/$1" --hold crowd --count "$2" >/dev/null 2>&1 &)
    until_true filled "$1" "$2" || echo "no crowd in $1"
}

# Each causes one kill and returns at once.
plain() { ($hog --cgroup "$top/plain$1" anon --mib 24 >/dev/null 2>&1 &); }
group() { ($hog --cgroup "$top/group$1" anon --mib 24 >/dev/null 2>&1 &); }
crowded() { ($hog --cgroup $top/crowd anon --mib 400 >/dev/null 2>&1 &); }
# Prepares so many kills.
prepare() {
    for number in $(seq "$2"); do
        case $1 in
            plain) [ -e "$top/plain$number" ] || cgroup "plain$number" 8M ;;
            group)
                [ -e "$top/group$number" ] || cgroup "group$number" 12M
                echo 1 >"$top/group$number/memory.oom.group"
                crowd "group$number" 10
                ;;
            crowded) [ -e $top/crowd ] || { cgroup crowd 256M; crowd crowd 300; } ;;
        esac
    done
}
# Kills so many times without a pause, and prints a row. The page faults include those of filling the reserve again.
storm() {
    prepare "$1" "$2"
    sleep 1
    before=$(wc -l <reports) faults=$(faults) heap=$(heap)
    for number in $(seq "$2"); do $1 "$number"; done
    until_true reported $((before + $2)) || { echo "$(wc -l <reports) of $((before + $2)) reports"; exit 1; }
    # The reserve is filled again when no incident is open.
    sleep 3
    echo "| $1 | $2 | $(($(faults) - faults)) | $(($(heap) - heap)) | $(tail -n1 reports | wc -c) |"
}

uname -r
cat said
echo "| kind | kills | page faults | growth of the heap at rest, KiB | bytes of the last report |"
echo "| --- | --- | --- | --- | --- |"
for kind in plain group crowded; do
    # The first kill of a kind loads code.
    storm $kind 1 >/dev/null
    for kills in 1 2 4 8 16 32; do storm $kind $kills; done
done
kill -INT $tracer
wait $tracer || exit 1
cat said
echo "reserve: passed"

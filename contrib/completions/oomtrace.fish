# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_oomtrace_global_optspecs
    string join \n format= tier= cgroup= comm= pid= container= pod= namespace= unit= cause= record= no-cmdline names= killer= history= forecast= redact metrics= exec= exec-timeout= journal socket= oomd-hook= config= h/help V/version
end

function __fish_oomtrace_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_oomtrace_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_oomtrace_using_subcommand
    set -l cmd (__fish_oomtrace_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c oomtrace -n "__fish_oomtrace_needs_command" -l format -d 'Output format' -r -f -a "line\t'One line per incident, as soon as it is decided'
full\t'The full explanation, a second after the victim has exited'
json\t'One JSON object per line (docs/json.md)'"
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l tier -d 'Kind of hooks to use' -r -f -a "auto\t'The best tier that this kernel allows'
fentry\t'Only fentry and fexit; fail if they are not available'
kprobe\t'Only kprobe and kretprobe; fail if they are not available'
tracepoint\t'Only tracepoints'"
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l cgroup -d 'Only kills in this cgroup or below it: the domain\'s or a victim\'s (a path, with or without /sys/fs/cgroup)' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l comm -d 'Only kills of processes with this name' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l pid -d 'Only kills of the process with this pid' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l container -d 'Only kills in the container with this name or identifier (its first 12 digits are enough)' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l pod -d 'Only kills in the pod with this name or UID; use NAMESPACE/NAME if the name is not unique' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l namespace -d 'Only kills in pods of this Kubernetes namespace' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l unit -d 'Only kills in this systemd unit, such as nginx.service' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l cause -d 'Only this cause, such as memcg_limit or global' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l record -d 'Also write every frame to this file; read it with `list`, `show`, `replay` and `dump`' -r -F
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l names -d 'Where names of containers and pods come from: files of the runtimes on this machine, read ahead of time' -r -f -a "auto\t'Files of the container runtimes on this machine'
off\t'No source; reports show identifiers only'"
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l killer -d 'A program that kills when memory is short, besides those that are known (earlyoom, systemd-oomd, ...); repeatable' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l history -d 'How often memory is sampled, to show the minutes before a kill: a time such as 5s (at least 1s), or `off`' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l forecast -d 'Announce once per approach that a cgroup or the machine will run out of memory within this time if it grows as before: seconds, or a time such as 2min (1s to 10min). Without it, there are no forecasts' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l metrics -d 'Serve metrics for Prometheus at http://ADDR/metrics (docs/metrics.md); a port alone is on 127.0.0.1' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l exec -d 'Run this program for each report, with the report as JSON on its standard input (docs/hooks.md)' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l exec-timeout -d 'Kill the program of --exec if it runs longer' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l socket -d 'Answer `oomtrace why`, and stream reports, on this local socket; every process may ask about its own (docs/socket.md)' -r -F
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l oomd-hook -d 'Hear systemd-oomd\'s announcement before it kills, and report who was alive then (docs/hooks.md); needs `PrekillHookTimeoutSec=` in oomd.conf. DIR is where systemd-oomd looks for sockets' -r -F
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l config -d 'Read settings from this file [default: /etc/oomtrace.toml, if it exists] (docs/config.md)' -r -F
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l no-cmdline -d 'Never read or record command lines; executables are still named'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l redact -d 'Hide values in command lines that look like passwords or tokens; a recording keeps them'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l journal -d 'Write an entry to systemd\'s journal for each report (docs/journal.md)'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -s V -l version -d 'Print version'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "watch" -d 'Report kills as they happen'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "check" -d 'Show what this kernel and these privileges allow, and how to get the rest; needs no privilege'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "demo" -d 'Cause one contained kill in a 64 MiB scratch cgroup and explain it'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "record" -d 'Run the flight recorder: write every decision to files that survive a crash'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "list" -d 'List the incidents of recordings, one per line; needs no privilege'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "show" -d 'Show incidents of recordings in full; needs no privilege'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "why" -d 'Say whether memory killed a process, a unit or a container; needs no privilege'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "diff" -d 'Compare two recordings: victims, causes, time to recover, collateral; needs no privilege'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "replay" -d 'Print the reports of a recording again, as `watch` printed them; needs no privilege'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "rank" -d 'Show which process would be killed if the machine or a cgroup ran out of memory now; needs no privilege'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "whatif" -d 'Repeat a recorded decision with one or more settings changed; needs no privilege'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "experiment" -d 'Run variants of a setting until memory runs out, and compare what the kernel decides'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "dump" -d 'Print the frames of a recording, one per line, for bug reports; needs no privilege'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "demo-victim" -d 'The demo process that runs out of memory'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "experiment-supervisor" -d 'The process that restores everything after an experiment'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "experiment-process" -d 'A process of an experiment'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l format -d 'Output format' -r -f -a "line\t'One line per incident, as soon as it is decided'
full\t'The full explanation, a second after the victim has exited'
json\t'One JSON object per line (docs/json.md)'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l tier -d 'Kind of hooks to use' -r -f -a "auto\t'The best tier that this kernel allows'
fentry\t'Only fentry and fexit; fail if they are not available'
kprobe\t'Only kprobe and kretprobe; fail if they are not available'
tracepoint\t'Only tracepoints'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l cgroup -d 'Only kills in this cgroup or below it: the domain\'s or a victim\'s (a path, with or without /sys/fs/cgroup)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l comm -d 'Only kills of processes with this name' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l pid -d 'Only kills of the process with this pid' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l container -d 'Only kills in the container with this name or identifier (its first 12 digits are enough)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l pod -d 'Only kills in the pod with this name or UID; use NAMESPACE/NAME if the name is not unique' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l namespace -d 'Only kills in pods of this Kubernetes namespace' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l unit -d 'Only kills in this systemd unit, such as nginx.service' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l cause -d 'Only this cause, such as memcg_limit or global' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l record -d 'Also write every frame to this file; read it with `list`, `show`, `replay` and `dump`' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l names -d 'Where names of containers and pods come from: files of the runtimes on this machine, read ahead of time' -r -f -a "auto\t'Files of the container runtimes on this machine'
off\t'No source; reports show identifiers only'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l killer -d 'A program that kills when memory is short, besides those that are known (earlyoom, systemd-oomd, ...); repeatable' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l history -d 'How often memory is sampled, to show the minutes before a kill: a time such as 5s (at least 1s), or `off`' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l forecast -d 'Announce once per approach that a cgroup or the machine will run out of memory within this time if it grows as before: seconds, or a time such as 2min (1s to 10min). Without it, there are no forecasts' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l metrics -d 'Serve metrics for Prometheus at http://ADDR/metrics (docs/metrics.md); a port alone is on 127.0.0.1' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l exec -d 'Run this program for each report, with the report as JSON on its standard input (docs/hooks.md)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l exec-timeout -d 'Kill the program of --exec if it runs longer' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l socket -d 'Answer `oomtrace why`, and stream reports, on this local socket; every process may ask about its own (docs/socket.md)' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l oomd-hook -d 'Hear systemd-oomd\'s announcement before it kills, and report who was alive then (docs/hooks.md); needs `PrekillHookTimeoutSec=` in oomd.conf. DIR is where systemd-oomd looks for sockets' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l config -d 'Read settings from this file [default: /etc/oomtrace.toml, if it exists] (docs/config.md)' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l no-cmdline -d 'Never read or record command lines; executables are still named'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l redact -d 'Hide values in command lines that look like passwords or tokens; a recording keeps them'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -l journal -d 'Write an entry to systemd\'s journal for each report (docs/journal.md)'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand check" -l format -d 'Output format; JSON is one object' -r -f -a "text\t'For reading'
json\t'One JSON object'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand check" -l tier -d 'Kind of hooks to use' -r -f -a "auto\t'The best tier that this kernel allows'
fentry\t'Only fentry and fexit; fail if they are not available'
kprobe\t'Only kprobe and kretprobe; fail if they are not available'
tracepoint\t'Only tracepoints'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand check" -l layout -d 'Show all fields of the kernel\'s layout, not only the missing ones'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand demo" -l format -d 'Output format' -r -f -a "line\t'One line per incident, as soon as it is decided'
full\t'The full explanation, a second after the victim has exited'
json\t'One JSON object per line (docs/json.md)'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand demo" -l tier -d 'Kind of hooks to use' -r -f -a "auto\t'The best tier that this kernel allows'
fentry\t'Only fentry and fexit; fail if they are not available'
kprobe\t'Only kprobe and kretprobe; fail if they are not available'
tracepoint\t'Only tracepoints'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -s o -l output -d 'Write to this file; it must not exist' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -l dir -d 'Write to files in this directory, which is created if it does not exist' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -l max-size -d 'Start a new file in --dir when the current one has this size' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -l max-age -d 'Start a new file in --dir when the current one is this old' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -l max-total -d 'Remove the oldest files in --dir when all together exceed this size' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -l tier -d 'Kind of hooks to use' -r -f -a "auto\t'The best tier that this kernel allows'
fentry\t'Only fentry and fexit; fail if they are not available'
kprobe\t'Only kprobe and kretprobe; fail if they are not available'
tracepoint\t'Only tracepoints'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -l names -d 'Where names of containers and pods come from: files of the runtimes on this machine, read ahead of time' -r -f -a "auto\t'Files of the container runtimes on this machine'
off\t'No source; reports show identifiers only'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -l killer -d 'A program that kills when memory is short, besides those that are known (earlyoom, systemd-oomd, ...); repeatable' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -l history -d 'How often memory is sampled, to show the minutes before a kill: a time such as 5s (at least 1s), or `off`' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -l forecast -d 'Announce once per approach that a cgroup or the machine will run out of memory within this time if it grows as before: seconds, or a time such as 2min (1s to 10min). Without it, there are no forecasts' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -l verdict -d 'Write what ended CMD, and whether memory did, to this file as JSON (docs/why.md)' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -l metrics -d 'Serve metrics for Prometheus at http://ADDR/metrics (docs/metrics.md); a port alone is on 127.0.0.1' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -l exec -d 'Run this program for each report, with the report as JSON on its standard input (docs/hooks.md)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -l exec-timeout -d 'Kill the program of --exec if it runs longer' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -l socket -d 'Answer `oomtrace why`, and stream reports, on this local socket; every process may ask about its own (docs/socket.md)' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -l oomd-hook -d 'Hear systemd-oomd\'s announcement before it kills, and report who was alive then (docs/hooks.md); needs `PrekillHookTimeoutSec=` in oomd.conf. DIR is where systemd-oomd looks for sockets' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -l config -d 'Read settings from this file [default: /etc/oomtrace.toml, if it exists] (docs/config.md)' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -l no-cmdline -d 'Never read or record command lines; executables are still named'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -l journal -d 'Write an entry to systemd\'s journal for each report (docs/journal.md)'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand record" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l since -d 'Only incidents at or after this time: 2026-01-31, "2026-01-31 12:00" (UTC), 2026-01-31T13:00:00+01:00, or 90min (90 minutes ago)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l until -d 'Only incidents at or before this time' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l cgroup -d 'Only kills in this cgroup or below it: the domain\'s or a victim\'s (a path, with or without /sys/fs/cgroup)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l comm -d 'Only kills of processes with this name' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l pid -d 'Only kills of the process with this pid' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l container -d 'Only kills in the container with this name or identifier (its first 12 digits are enough)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l pod -d 'Only kills in the pod with this name or UID; use NAMESPACE/NAME if the name is not unique' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l namespace -d 'Only kills in pods of this Kubernetes namespace' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l unit -d 'Only kills in this systemd unit, such as nginx.service' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l cause -d 'Only this cause, such as memcg_limit or global' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l format -d 'Output format; JSON is one object per line (docs/list.md)' -r -f -a "text\t'For reading'
json\t'One JSON object'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l html -d 'Write an overview page to this file instead (- for standard output): kills over time, by cgroup, by cause, repeated victims' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -s 1 -l last -d 'Only the last incident that matches'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -s f -l follow -d 'Then wait for further incidents that a running recorder appends, until Ctrl-C. FILE|DIR is one file or directory'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l since -d 'Only incidents at or after this time: 2026-01-31, "2026-01-31 12:00" (UTC), 2026-01-31T13:00:00+01:00, or 90min (90 minutes ago)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l until -d 'Only incidents at or before this time' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l cgroup -d 'Only kills in this cgroup or below it: the domain\'s or a victim\'s (a path, with or without /sys/fs/cgroup)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l comm -d 'Only kills of processes with this name' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l pid -d 'Only kills of the process with this pid' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l container -d 'Only kills in the container with this name or identifier (its first 12 digits are enough)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l pod -d 'Only kills in the pod with this name or UID; use NAMESPACE/NAME if the name is not unique' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l namespace -d 'Only kills in pods of this Kubernetes namespace' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l unit -d 'Only kills in this systemd unit, such as nginx.service' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l cause -d 'Only this cause, such as memcg_limit or global' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l format -d 'Output format' -r -f -a "line\t'One line per incident, as soon as it is decided'
full\t'The full explanation, a second after the victim has exited'
json\t'One JSON object per line (docs/json.md)'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l html -d 'Write the selected incident as a page to this file instead (- for standard output)' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -s 1 -l last -d 'Only the last incident that matches'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l redact -d 'Hide values in command lines that look like passwords or tokens'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l share -d 'Make a page that may be handed on: as --redact, and without titles that processes set for themselves'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand why" -l since -d 'Only incidents at or after this time: 2026-01-31, "2026-01-31 12:00" (UTC), 2026-01-31T13:00:00+01:00, or 90min (90 minutes ago)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand why" -l until -d 'Only incidents at or before this time' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand why" -l socket -d 'Ask the tracer that listens on this socket, and read no recording [default: /run/oomtrace/socket, if it exists]' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand why" -l format -d 'Print one JSON object' -r -f -a "text\t'For reading'
json\t'One JSON object'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand why" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand diff" -l since -d 'Only incidents at or after this time: 2026-01-31, "2026-01-31 12:00" (UTC), 2026-01-31T13:00:00+01:00, or 90min (90 minutes ago)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand diff" -l until -d 'Only incidents at or before this time' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand diff" -l cgroup -d 'Only kills in this cgroup or below it: the domain\'s or a victim\'s (a path, with or without /sys/fs/cgroup)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand diff" -l comm -d 'Only kills of processes with this name' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand diff" -l pid -d 'Only kills of the process with this pid' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand diff" -l container -d 'Only kills in the container with this name or identifier (its first 12 digits are enough)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand diff" -l pod -d 'Only kills in the pod with this name or UID; use NAMESPACE/NAME if the name is not unique' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand diff" -l namespace -d 'Only kills in pods of this Kubernetes namespace' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand diff" -l unit -d 'Only kills in this systemd unit, such as nginx.service' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand diff" -l cause -d 'Only this cause, such as memcg_limit or global' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand diff" -l format -d 'Output format; JSON is one object (docs/diff.md)' -r -f -a "text\t'For reading'
json\t'One JSON object'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l format -d 'Output format' -r -f -a "line\t'One line per incident, as soon as it is decided'
full\t'The full explanation, a second after the victim has exited'
json\t'One JSON object per line (docs/json.md)'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l cgroup -d 'Only kills in this cgroup or below it: the domain\'s or a victim\'s (a path, with or without /sys/fs/cgroup)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l comm -d 'Only kills of processes with this name' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l pid -d 'Only kills of the process with this pid' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l container -d 'Only kills in the container with this name or identifier (its first 12 digits are enough)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l pod -d 'Only kills in the pod with this name or UID; use NAMESPACE/NAME if the name is not unique' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l namespace -d 'Only kills in pods of this Kubernetes namespace' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l unit -d 'Only kills in this systemd unit, such as nginx.service' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l cause -d 'Only this cause, such as memcg_limit or global' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l redact -d 'Hide values in command lines that look like passwords or tokens'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand rank" -l cgroup -d 'Assume that this cgroup runs out of memory (a path below the memory hierarchy\'s mount). If it has no limit, the nearest cgroup above it that has one is used' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand rank" -l top -d 'Number of candidates to show' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand rank" -l over -d 'Measure growth for this long, to say when memory would run out at its present rate: 1s to 1min, or 0s for no forecast. With --watch, the rate is that of the last minute at most' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand rank" -l format -d 'Output format; JSON is one object per refresh (docs/rank.md)' -r -f -a "text\t'For reading'
json\t'One JSON object'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand rank" -l watch -d 'Refresh every second until interrupted'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand rank" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand whatif" -l incident -d 'Number of the incident, from 1, or from the end if negative; required if there are several' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand whatif" -l adj -d 'Set `oom_score_adj` (-1000 to 1000) of a process, of all processes with a name, or of a cgroup and all below it; repeatable' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand whatif" -l allocating-task -d 'Set `vm.oom_kill_allocating_task`' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand whatif" -l limit -d 'Set `memory.max` of a cgroup: bytes, optionally followed by K, M, G or T, or `max`; repeatable' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand whatif" -l oom-group -d 'Set `memory.oom.group` of a cgroup; repeatable' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand whatif" -l tmpfs -d 'Set how much the files of a tmpfs held, such as `/dev/shm=0` for none; repeatable' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand whatif" -l part -d 'Set how large a part of the report\'s account was, such as `huge_pages=0`; repeatable' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand whatif" -l format -d 'Output format' -r -f -a "text\t'For reading'
json\t'One JSON object'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand whatif" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment" -s o -l output -d 'Directory to create for the result [default: the file\'s name followed by the time]' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment" -l repeats -d 'Number of runs of each variant, instead of the file\'s' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment" -l seed -d 'Seed for the order of the runs, instead of the file\'s' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment" -l state -d 'Directory for the values to restore; must be on a disk (to survive a power cut), and only root may write to it' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment" -l format -d 'Output format' -r -f -a "text\t'For reading'
json\t'One JSON object'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment" -l html -d 'Also write the result as a page: one file that loads and runs nothing' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment" -l tier -d 'Kind of hooks to use' -r -f -a "auto\t'The best tier that this kernel allows'
fentry\t'Only fentry and fexit; fail if they are not available'
kprobe\t'Only kprobe and kretprobe; fail if they are not available'
tracepoint\t'Only tracepoints'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment" -l allow-system-oom -d 'Allow an experiment that may make this machine run out of memory'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment" -l check -d 'Only check the file: report its errors and its risks on this machine'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment" -l restore -d 'Restore what an experiment changed if it was killed together with its supervisor'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand dump" -s h -l help -d 'Print help'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand demo-victim" -s h -l help -d 'Print help'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment-supervisor" -s h -l help -d 'Print help'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment-process" -l procs -d 'The `cgroup.procs` to join first' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment-process" -l name -d 'The name of the process' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment-process" -l adj -d 'The `oom_score_adj` of the process' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment-process" -l hog -d 'The kind of memory to allocate' -r -f -a "anon\t'Private anonymous memory'
file\t'Pages of a file, mapped shared'
shmem\t'Shared anonymous memory'
tmpfs\t'A file on the kernel\'s internal tmpfs, written and not mapped, so it is not part of any process\'s resident memory'
page-tables\t'Page tables'
threads\t'Private anonymous memory, allocated by many threads'
forks\t'Private anonymous memory of processes that are forked one after the other'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment-process" -l size -d 'The amount of memory in bytes' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment-process" -l rate -d 'The bytes to allocate per second' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment-process" -l count -d 'The number of threads or processes' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment-process" -l hold -d 'Keep running after the last allocation'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand experiment-process" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand help; and not __fish_seen_subcommand_from watch check demo record list show why diff replay rank whatif experiment dump demo-victim experiment-supervisor experiment-process help" -f -a "watch" -d 'Report kills as they happen'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand help; and not __fish_seen_subcommand_from watch check demo record list show why diff replay rank whatif experiment dump demo-victim experiment-supervisor experiment-process help" -f -a "check" -d 'Show what this kernel and these privileges allow, and how to get the rest; needs no privilege'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand help; and not __fish_seen_subcommand_from watch check demo record list show why diff replay rank whatif experiment dump demo-victim experiment-supervisor experiment-process help" -f -a "demo" -d 'Cause one contained kill in a 64 MiB scratch cgroup and explain it'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand help; and not __fish_seen_subcommand_from watch check demo record list show why diff replay rank whatif experiment dump demo-victim experiment-supervisor experiment-process help" -f -a "record" -d 'Run the flight recorder: write every decision to files that survive a crash'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand help; and not __fish_seen_subcommand_from watch check demo record list show why diff replay rank whatif experiment dump demo-victim experiment-supervisor experiment-process help" -f -a "list" -d 'List the incidents of recordings, one per line; needs no privilege'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand help; and not __fish_seen_subcommand_from watch check demo record list show why diff replay rank whatif experiment dump demo-victim experiment-supervisor experiment-process help" -f -a "show" -d 'Show incidents of recordings in full; needs no privilege'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand help; and not __fish_seen_subcommand_from watch check demo record list show why diff replay rank whatif experiment dump demo-victim experiment-supervisor experiment-process help" -f -a "why" -d 'Say whether memory killed a process, a unit or a container; needs no privilege'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand help; and not __fish_seen_subcommand_from watch check demo record list show why diff replay rank whatif experiment dump demo-victim experiment-supervisor experiment-process help" -f -a "diff" -d 'Compare two recordings: victims, causes, time to recover, collateral; needs no privilege'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand help; and not __fish_seen_subcommand_from watch check demo record list show why diff replay rank whatif experiment dump demo-victim experiment-supervisor experiment-process help" -f -a "replay" -d 'Print the reports of a recording again, as `watch` printed them; needs no privilege'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand help; and not __fish_seen_subcommand_from watch check demo record list show why diff replay rank whatif experiment dump demo-victim experiment-supervisor experiment-process help" -f -a "rank" -d 'Show which process would be killed if the machine or a cgroup ran out of memory now; needs no privilege'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand help; and not __fish_seen_subcommand_from watch check demo record list show why diff replay rank whatif experiment dump demo-victim experiment-supervisor experiment-process help" -f -a "whatif" -d 'Repeat a recorded decision with one or more settings changed; needs no privilege'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand help; and not __fish_seen_subcommand_from watch check demo record list show why diff replay rank whatif experiment dump demo-victim experiment-supervisor experiment-process help" -f -a "experiment" -d 'Run variants of a setting until memory runs out, and compare what the kernel decides'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand help; and not __fish_seen_subcommand_from watch check demo record list show why diff replay rank whatif experiment dump demo-victim experiment-supervisor experiment-process help" -f -a "dump" -d 'Print the frames of a recording, one per line, for bug reports; needs no privilege'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand help; and not __fish_seen_subcommand_from watch check demo record list show why diff replay rank whatif experiment dump demo-victim experiment-supervisor experiment-process help" -f -a "demo-victim" -d 'The demo process that runs out of memory'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand help; and not __fish_seen_subcommand_from watch check demo record list show why diff replay rank whatif experiment dump demo-victim experiment-supervisor experiment-process help" -f -a "experiment-supervisor" -d 'The process that restores everything after an experiment'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand help; and not __fish_seen_subcommand_from watch check demo record list show why diff replay rank whatif experiment dump demo-victim experiment-supervisor experiment-process help" -f -a "experiment-process" -d 'A process of an experiment'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand help; and not __fish_seen_subcommand_from watch check demo record list show why diff replay rank whatif experiment dump demo-victim experiment-supervisor experiment-process help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'

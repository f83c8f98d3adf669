//! The init of a container reaches its cgroup's limit. Its pid namespace dies with it: the dying init sends SIGKILL to all
//! other processes, without a line in the log (`zap_pid_ns_processes`,
//! <https://github.com/torvalds/linux/blob/v6.12/kernel/pid_namespace.c>).

use super::{Expect, Process, Range, Scenario};

pub(super) fn scenario() -> Scenario {
    let inside = || vec!["init".to_owned(), "service".to_owned(), "idle".to_owned()];
    let expect = Expect {
        victims: inside(),
        certain: inside(),
        ends: inside(),
        ranges: vec![Range::new("victims.0.ns_pid", 1, 1)],
        ..Expect::memcg("/container", "init")
    };
    let idle = Process::bystander("idle", 1).comm(b"idle").shape(&["idle"]);
    Scenario::new("container_init", expect)
        .cgroup("/container", &[("memory.max", "48M")])
        .process(Process::allocator("init", 96).comm(b"init").cgroup("/container").pid_namespace("container"))
        .process(
            Process::bystander("service", 8).comm(b"service").cgroup("/container").pid_namespace("container"),
        )
        .process(idle.cgroup("/container").pid_namespace("container"))
        .process(Process::bystander("outside", 4).comm(b"outside").cgroup("/container"))
}

//! Files in memory. They stay after the process that wrote them has exited.

use super::{ENDLESS, Expect, LIMIT, Process, Scenario, on_machine, roles};

/// A tmpfs stays after its writer has exited, and fills the cgroup. The kernel kills one process after the other for it
/// (<https://github.com/kubernetes/kubernetes/issues/128339>).
pub(super) fn tmpfs_loop() -> Scenario {
    looping("tmpfs_loop", &["written-file", "--mib", "28", "--path", "/volume/data"]).tmpfs("/volume", 64)
}

/// The same with a System V segment, which no mount shows.
pub(super) fn sysv_loop() -> Scenario {
    looping("sysv_loop", &["sysv-shm", "--mib", "28"])
}

fn looping(name: &str, shape: &[&str]) -> Scenario {
    let victims = roles(&["first", "second", "third"]);
    let path = format!("/{name}");
    let expect = Expect {
        certain: victims.clone(),
        trigger: victims.clone(),
        ends: victims.clone(),
        victims,
        kills: (3, 3),
        ..Expect::memcg(path.as_str(), "first")
    };
    let victim = |role, after| Process::allocator(role, 12).after(after).cgroup(path.as_str());
    Scenario::new(name, expect)
        .cgroup(path.as_str(), &[LIMIT])
        .process(Process::acting("writer", shape).comm(b"writer").cgroup(path.as_str()))
        .process(victim("first", "writer"))
        .process(victim("second", "first"))
        .process(victim("third", "second"))
        .because(&["tmpfs"])
}

/// A tmpfs that fills the machine.
pub(super) fn tmpfs_machine() -> Scenario {
    let shape = ["written-file", "--mib", "220", "--path", "/big/data"];
    on_machine("tmpfs_machine", &shape).tmpfs("/big", 300).because(&["tmpfs"])
}

/// A memfd, which no mount shows.
pub(super) fn memfd_machine() -> Scenario {
    on_machine("memfd_machine", &["memfd", "--mib", "220"]).because(&["tmpfs"])
}

/// Memory that processes share. It counts only in the resident size of processes that map it.
pub(super) fn shared_anon_machine() -> Scenario {
    let mut scenario = Scenario::new("shared_anon_machine", Expect::global("sharer"))
        .process(Process::bystander("small", 16).comm(b"small"))
        .process(Process::acting("sharer", &["shmem", "--mib", ENDLESS]).comm(b"sharer"));
    scenario.alone = true;
    scenario.because(&["tmpfs"])
}

//! A process in one child reaches the limit of the parent, and the victim is in the other child. Limit, victim and trigger are
//! in three different cgroups.

use super::{Expect, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let expect = Expect {
        victims: vec!["large".to_owned(), "allocator".to_owned()],
        certain: vec!["large".to_owned()],
        // From 6.19 on, the victim's pages are often still charged when it is no candidate any more.
        kills: (1, 2),
        trigger: vec!["allocator".to_owned()],
        ends: vec!["large".to_owned(), "allocator".to_owned()],
        foreseeable: true,
        ..Expect::memcg("/parent", "large")
    };
    Scenario::new("parent", expect)
        .cgroup("/parent", &[("memory.max", "48M")])
        .cgroup("/parent/a", &[])
        .cgroup("/parent/b", &[])
        .process(Process::bystander("large", 32).cgroup("/parent/a"))
        .process(Process::allocator("allocator", 24).uid(1000).cgroup("/parent/b"))
}

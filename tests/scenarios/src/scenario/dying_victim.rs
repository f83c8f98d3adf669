//! The largest process has already been killed but cannot die, because it is frozen. The kernel chooses it, sees that it is
//! dying, and gives it access to reserves instead of killing a process: no SIGKILL, no line in the log. The mark thaws it.
//! (`oom_kill_process`, <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L1012>)

use super::{Expect, Feature, Process, Scenario, UserKill};

pub(super) fn scenario() -> Scenario {
    let kill = UserKill { killer: "killer".to_owned(), victims: vec!["frozen".to_owned()], told: None };
    let expect = Expect {
        trigger: vec!["allocator".to_owned()],
        // The decision only marks the process.
        marked: vec!["frozen".to_owned()],
        ends: ["killer", "frozen", "allocator"].map(str::to_owned).to_vec(),
        user_kills: vec![kill],
        ..Expect::dying("/cold", "frozen")
    };
    // No other process may be killed: from 6.19 on, the victim's pages are often still charged when it is no candidate any
    // more.
    let allocator =
        Process::allocator("allocator", 48).comm(b"allocator").oom_score_adj(-1000).after("killer");
    let mut scenario = Scenario::new("dying_victim", expect)
        .cgroup("/cold", &[("memory.max", "64M")])
        .process(Process::bystander("frozen", 40).comm(b"frozen").cgroup("/cold"))
        .process(Process::freezing_killer("killer", "frozen").comm(b"bash"))
        .process(allocator.cgroup("/cold"));
    scenario.needs.push(Feature::Freezer);
    // A shortage in another scenario would make the manual kill look like one caused by a shortage.
    scenario.alone = true;
    scenario
}

//! Swap that is full.

use super::{Expect, LIMIT, Process, Scenario};

/// A process that is exempt from kills fills its cgroup and the swap that the cgroup may use, so that nothing more can be swapped
/// out (<https://github.com/moby/moby/pull/22636>: no process is killed before memory and swap are used up).
pub(super) fn held() -> Scenario {
    let path = "/swap_held";
    // When memory runs out, some dozens of pages of swap may be free. That is less than a hundredth of 160 MiB, also with pages of 16 KiB.
    let holder = Process::bystander("holder", 184).comm(b"holder").cgroup(path).oom_score_adj(-1000);
    let mut scenario = Scenario::new("swap_held", Expect::memcg(path, "allocator"))
        .cgroup(path, &[LIMIT, ("memory.swap.max", "160M")])
        .process(holder)
        .process(Process::allocator("allocator", 28).cgroup(path));
    scenario.machine.swap_mib = 192;
    // On a busy machine, an emulated guest swaps for more than a minute.
    scenario.patience_s = Some(150);
    scenario.because(&["swap_full"])
}

//! Memory that cannot be swapped out.

use super::{Expect, LIMIT, Process, Scenario, nearly_full, on_machine};

/// A process locks more memory than the limit of its cgroup. The machine's swap does not help.
pub(super) fn of_cgroup() -> Scenario {
    let filler = Process::acting("filler", &["locked", "--mib", "64"]).comm(b"filler").cgroup("/locked");
    let mut scenario = Scenario::new("locked", Expect::memcg("/locked", "filler"))
        .cgroup("/locked", &[LIMIT])
        .process(filler);
    scenario.machine.swap_mib = 64;
    // No reason is expected: `memory.stat` is read after the kill, when the victim's locked memory may already be freed.
    scenario
}

/// A process that is exempt from kills has locked most of its cgroup's memory, as a database does with its buffers.
pub(super) fn held_in_cgroup() -> Scenario {
    exempt(nearly_full("locked_held", &["locked", "--mib", "20"]))
}

/// A process that is exempt from kills holds half of the machine's memory, locked. There is no swap.
pub(super) fn of_machine() -> Scenario {
    exempt(on_machine("locked_machine", &["locked", "--mib", "220"]))
}

fn exempt(mut scenario: Scenario) -> Scenario {
    scenario.processes.iter_mut().filter(|process| process.role == "holder").for_each(|holder| {
        holder.oom_score_adj = -1000;
    });
    scenario.expect.holder = Some("exempt".to_owned());
    scenario.because(&["locked"])
}

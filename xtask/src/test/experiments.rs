//! Tests the predictions of `oomtrace whatif`.

use anyhow::Result;

use super::Tally;
use crate::kernels::Kernel;
use crate::vm::experiments;

/// Run every experiment on the oldest and the newest kernel, which compute scores from different counters.
pub(crate) fn run(kernels: &[Kernel], tally: &mut Tally) -> Result<()> {
    let ends: Vec<&Kernel> = kernels.first().into_iter().chain(kernels.iter().skip(1).next_back()).collect();
    for tried in experiments::run(&ends, &experiments::TIERS)? {
        tally.count(&tried.name, tried.result);
    }
    Ok(())
}

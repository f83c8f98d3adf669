//! Checks of the sources: format, lints, house rules, committed eBPF objects, the systemd unit file, and a short fuzz run.

use super::{Tally, unit_file};
use crate::{ebpf, fuzz, lint};

/// Run the checks.
pub(crate) fn run(tally: &mut Tally) {
    tally.count("lint", lint::task());
    tally.count("fuzz: 20,000 damaged recordings", fuzz::short());
    unit_file::check(tally);
    match ebpf::check() {
        Ok(ebpf::Checked::Rebuilt) => tally.count("ebpf --check", Ok(())),
        Ok(ebpf::Checked::StampOnly(reason)) => {
            tally.count("ebpf stamp", Ok(()));
            tally.skip("ebpf --check", format!("object not rebuilt: {reason}"));
        }
        Err(error) => tally.count("ebpf --check", Err(error)),
    }
}

//! Checks of the sources: format, lints, house rules, and that the committed eBPF objects are what they say.

use super::Tally;
use crate::{ebpf, lint};

/// Run them.
pub(crate) fn run(tally: &mut Tally) {
    tally.count("lint", lint::task());
    match ebpf::check() {
        Ok(ebpf::Checked::Rebuilt) => tally.count("ebpf --check", Ok(())),
        Ok(ebpf::Checked::StampOnly(reason)) => {
            tally.count("ebpf stamp", Ok(()));
            tally.skip("ebpf --check", format!("object not rebuilt: {reason}"));
        }
        Err(error) => tally.count("ebpf --check", Err(error)),
    }
}

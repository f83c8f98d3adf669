//! The machine's swap space.

use oomtrace_common::event::OomKillProcess;

use super::{
    layout::value,
    read::{Probed, Read},
};

/// Copies the machine's swap space. The kernel stops swapping out when `nr_swap_pages` reaches 0.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/swap.h> (`get_nr_swap_pages`)
#[inline(always)]
pub(crate) fn copy(out: &mut OomKillProcess) {
    let (free, total) = (value!(nr_swap_pages), value!(total_swap_pages));
    if free == 0 || total == 0 {
        return;
    }
    let at = |address: u64| core::ptr::without_provenance(address as usize);
    let status = Probed::copy(at(free), 0, &mut out.swap_free_pages)
        | Probed::copy(at(total), 0, &mut out.swap_total_pages);
    out.present = if status == 0 { OomKillProcess::SWAP } else { 0 };
}

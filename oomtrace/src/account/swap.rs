//! Finds out whether anonymous memory could be swapped out.

use oomtrace_common::event::Memcg;

use crate::{attribute::cgroup, incident::Incident};

/// Pages of swap that may be free although swap is full. A task that touches a page in swap frees that page's slot (`folio_free_swap`),
/// and reclaim has not filled it again yet. Reclaim takes pages in batches of 32 (`SWAP_CLUSTER_MAX`).
/// <https://github.com/torvalds/linux/blob/v6.12/mm/memory.c> (`should_try_to_free_swap`)
const MARGIN_PAGES: u64 = 64;

/// Swap space that this domain may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Swap {
    /// Swap space that the domain may use in total.
    pub(crate) total: Option<u64>,
    /// Free part of it.
    pub(crate) free: Option<u64>,
    /// Bytes that may be free although swap is full.
    margin: u64,
    /// Whether a v1 limit of memory and swap together was hit. Swapping out then frees nothing.
    pub(super) is_in_vain: bool,
}

impl Swap {
    /// Returns the machine's swap space: at the decision if the kernel side read it, or else as procfs showed it afterwards.
    pub(crate) fn of_machine(incident: &Incident) -> Self {
        let bytes = |pages: u64| pages.saturating_mul(incident.page_size());
        let margin = bytes(MARGIN_PAGES);
        if let Some(swap) = incident.swap {
            let (total, free) = (Some(bytes(swap.total_pages)), Some(bytes(swap.free_pages)));
            return Self { total, free, margin, is_in_vain: false };
        }
        let Some(state) = &incident.memory_state else { return Self::default() };
        let line = |name: &str| state.meminfo.as_ref().and_then(|meminfo| meminfo.get(name).copied());
        Self {
            total: state.swap_total_bytes.or_else(|| line("SwapTotal")),
            free: state.swap_free_bytes.or_else(|| line("SwapFree")),
            margin,
            is_in_vain: false,
        }
    }

    /// Returns a cgroup's swap space: the machine's, cut by the limits of the cgroup and its ancestors.
    pub(super) fn of_cgroup(incident: &Incident, id: u64) -> Self {
        let machine = Self::of_machine(incident);
        let levels = cgroup::chain(&incident.memcgs, id);
        levels.into_iter().fold(machine, |swap, level| swap.within(level, incident.page_size()))
    }

    fn within(self, level: &Memcg, page_size: u64) -> Self {
        let no_limit = u64::try_from(i64::MAX).unwrap_or(u64::MAX) / page_size.max(1);
        if level.present & Memcg::SWAP == 0 || level.swap_max_pages >= no_limit {
            return self;
        }
        let left = level.swap_max_pages.saturating_sub(level.swap_usage_pages).saturating_mul(page_size);
        if level.hierarchy != 0 {
            return Self { is_in_vain: self.is_in_vain || left == 0, ..self };
        }
        let most = level.swap_max_pages.saturating_mul(page_size);
        let least = |known: Option<u64>, bytes: u64| Some(known.map_or(bytes, |known| known.min(bytes)));
        Self { total: least(self.total, most), free: least(self.free, left), ..self }
    }

    /// Returns whether there is no swap that the domain may use.
    pub(super) fn is_none(self) -> bool {
        self.total == Some(0)
    }

    /// Returns whether there is swap and all of it is used. A hundredth may be free, or the margin, which is at most an eighth.
    pub(super) fn is_full(self) -> bool {
        let most = |total: u64| (total / 100).max(self.margin.min(total / 8));
        matches!((self.total, self.free), (Some(total), Some(free)) if total > 0 && free <= most(total))
    }

    /// Returns whether anonymous memory could be swapped out, or `None` if that is not known.
    pub(super) fn has_room(self) -> Option<bool> {
        if self.is_in_vain || self.is_none() || self.is_full() {
            return Some(false);
        }
        self.total.and(self.free).map(|_| true)
    }
}

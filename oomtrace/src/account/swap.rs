//! Whether anonymous memory had somewhere to go.

use oomtrace_common::event::Memcg;

use crate::{attribute::cgroup, incident::Incident};

/// Swap space, as far as it was there for this domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Swap {
    /// What may be used altogether.
    pub(super) total: Option<u64>,
    /// What is left of it.
    pub(super) free: Option<u64>,
    /// On v1 a limit of memory and swap together was met: to swap something out does not help.
    pub(super) is_in_vain: bool,
}

impl Swap {
    /// The machine's.
    pub(super) fn of_machine(incident: &Incident) -> Self {
        let Some(state) = &incident.memory_state else { return Self::default() };
        let line = |name: &str| state.meminfo.as_ref().and_then(|meminfo| meminfo.get(name).copied());
        Self {
            total: state.swap_total_bytes.or_else(|| line("SwapTotal")),
            free: state.swap_free_bytes.or_else(|| line("SwapFree")),
            is_in_vain: false,
        }
    }

    /// A cgroup's: what the machine has, and what the limits above allow.
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

    /// There is none, or none that may be used.
    pub(super) fn is_none(self) -> bool {
        self.total == Some(0)
    }

    /// There is some, and it is used up. A hundredth may stay free: CPUs hold slots back.
    /// <https://github.com/torvalds/linux/blob/v6.12/mm/swap_slots.c>
    pub(super) fn is_full(self) -> bool {
        matches!((self.total, self.free), (Some(total), Some(free)) if total > 0 && free <= total / 100)
    }

    /// Whether anonymous memory could be swapped out; `None` where that is not known.
    pub(super) fn has_room(self) -> Option<bool> {
        if self.is_in_vain || self.is_none() || self.is_full() {
            return Some(false);
        }
        self.total.and(self.free).map(|_| true)
    }
}

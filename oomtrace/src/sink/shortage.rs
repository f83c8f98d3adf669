//! The account of a shortage, in words for all sinks that people read.

use crate::{
    account::{Account, Holder, HolderKind, Part, share},
    bytes::ByteString,
    report::{Machine, Report, Zone},
};

/// The maximum number of parts shown. JSON has them all.
const SHOWN: usize = 12;

/// A part in words, with its name for the style.
pub(super) struct Shown {
    pub(super) words: &'static str,
    pub(super) kind: &'static str,
    pub(super) bytes: u64,
    /// Its share of the whole, in percent.
    pub(super) share: String,
    pub(super) reclaimable: Option<bool>,
    pub(super) freed_by_kill: Option<bool>,
}

/// The largest parts, and the sum of the others.
pub(super) fn parts(account: &Account) -> Vec<Shown> {
    let shown = |part: &Part| Shown {
        words: part.what.words(),
        kind: kind(part),
        bytes: part.bytes,
        share: percent(part.bytes, account.total_bytes),
        reclaimable: part.reclaimable,
        freed_by_kill: part.freed_by_kill,
    };
    let mut parts: Vec<Shown> = account.parts.iter().take(SHOWN).map(shown).collect();
    let rest = account.parts.iter().skip(SHOWN).fold(0, |sum: u64, part| sum.saturating_add(part.bytes));
    if account.parts.len() > SHOWN {
        parts.push(Shown {
            words: "all smaller parts",
            kind: "kernel",
            bytes: rest,
            share: percent(rest, account.total_bytes),
            reclaimable: None,
            freed_by_kill: None,
        });
    }
    parts
}

/// The name of a part's style.
const fn kind(part: &Part) -> &'static str {
    use crate::account::What as W;
    match part.what {
        W::Anon | W::AnonLeftBehind => "anon",
        W::SwapCache | W::Zspages => "swap",
        W::File => "file",
        W::Tmpfs | W::SysvShm | W::Shmem => "shmem",
        W::PageTables | W::SecondaryPageTables => "tables",
        W::HugePages => "huge",
        W::Unexplained => "unexplained",
        W::Free
        | W::FreeReserved
        | W::FreeOtherZone
        | W::FreeOtherNode
        | W::FreeCma
        | W::FreeHighatomic
        | W::FreeFragmented
        | W::PercpuLists => "free",
        W::SlabReclaimable
        | W::SlabUnreclaimable
        | W::KernelMiscReclaimable
        | W::KernelStack
        | W::Percpu
        | W::Vmalloc
        | W::Sockets
        | W::Kernel
        | W::Balloon
        | W::Gpu
        | W::Bounce => "kernel",
    }
}

/// A share in whole percent. A share below one percent is shown as "<1%".
pub(super) fn percent(bytes: u64, total_bytes: u64) -> String {
    let hundredths = u128::from(bytes) * 100;
    let total = u128::from(total_bytes).max(1);
    if bytes > 0 && hundredths < total {
        "<1%".to_owned()
    } else {
        format!("{}%", (hundredths + total / 2) / total)
    }
}

/// Yes, no, or not known.
pub(super) const fn yes(answer: Option<bool>, absent: &'static str) -> &'static str {
    match answer {
        Some(true) => "yes",
        Some(false) => "no",
        None => absent,
    }
}

/// A short account for a line.
pub(super) struct Tag<'a> {
    /// The kind of memory.
    pub(super) what: String,
    /// The process that holds it. Its name can be any bytes.
    pub(super) comm: Option<&'a ByteString>,
    /// The amount and the total.
    pub(super) share: String,
}

/// The tag; `None` if the victim explains the shortage.
pub(super) fn tag(report: &Report) -> Option<Tag<'_>> {
    let account = report.account.as_ref().filter(|_| report.cause.code.is_shortage())?;
    account.clause()?;
    let total = account.total_bytes;
    let (what, bytes) = match (&account.holder, account.telling()) {
        (Some(holder), _) => (held_by(holder), holder.bytes),
        (None, Some(reason)) => (reason.code.name().to_owned(), reason.bytes),
        (None, None) => ("candidates".to_owned(), account.candidates_bytes?),
    };
    let comm = account.holder.as_ref().and_then(|holder| holder.comm.as_ref());
    Some(Tag { what, comm, share: share(bytes, total) })
}

fn held_by(holder: &Holder) -> String {
    match (holder.kind, holder.processes) {
        (HolderKind::Many, Some(count)) => count.to_string(),
        (kind, _) => kind.name().to_owned(),
    }
}

/// The amount that must stay free in a zone: the watermark with its boost, and the reserve.
pub(super) fn must_stay(zone: &Zone) -> u64 {
    let added = zone.boost_bytes.unwrap_or(0).saturating_add(zone.reserve_bytes.unwrap_or(0));
    zone.min_bytes.unwrap_or(0).saturating_add(added)
}

/// The source of the zones, and when they were read.
pub(super) fn source(machine: &Machine) -> &'static str {
    match machine.source {
        Some("procfs") => "read in procfs right after the decision",
        Some(_) => "read at the decision",
        None => "not read",
    }
}

#[cfg(test)]
mod tests {
    use super::{Tag, parts, percent, tag};
    use crate::{
        account::{Part, What},
        sink::terminal::example,
    };

    #[test]
    fn rounds_shares_and_never_shows_zero_for_a_part() {
        let of = |bytes| percent(bytes, 1000);
        assert_eq!([of(0), of(9), of(10), of(125), of(1000)], ["0%", "<1%", "1%", "13%", "100%"]);
        assert_eq!(percent(5, 0), "500%");
    }

    #[test]
    fn adds_up_small_parts() {
        let mut account = example::tmpfs_kill().account.unwrap();
        let part = Part { what: What::Percpu, bytes: 7, reclaimable: None, freed_by_kill: None };
        account.parts.extend(vec![part; 20]);
        let shown = parts(&account);
        assert_eq!(shown.len(), 13);
        let sum: u64 = shown.iter().map(|part| part.bytes).sum();
        assert_eq!(sum, account.parts.iter().map(|part| part.bytes).sum::<u64>());
    }

    #[test]
    fn tag_names_the_kind_of_memory_that_filled_the_domain() {
        let line = |report: &crate::report::Report| {
            tag(report).map(|Tag { what, comm, share }| format!("{what} {comm:?} {share}"))
        };
        let mut report = example::tmpfs_kill();
        assert_eq!(line(&report).unwrap(), "tmpfs None 28.0 of 32.0 MiB");
        report.account.as_mut().unwrap().holder = Some(example::exempt());
        assert_eq!(line(&report).unwrap(), "exempt Some(b\"backup\") 30.0 of 32.0 MiB");
        report.cause.code = crate::explain::Code::Sysrq;
        assert_eq!(line(&report), None, "nothing ran out");
        assert_eq!(line(&example::memcg_kill()), None);
    }
}

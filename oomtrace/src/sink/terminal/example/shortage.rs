//! Hand-made reports with an account.

use super::{MIB, memcg_kill};
use crate::{
    account::{Account, Holder, HolderKind, Part, Reason, ReasonCode, What, Whole},
    explain::Code,
    report::{Domain, Machine, Report, Slab, Swap, Tmpfs, Zone},
};

const fn part(what: What, bytes: u64, reclaimable: Option<bool>, freed_by_kill: Option<bool>) -> Part {
    Part { what, bytes, reclaimable, freed_by_kill }
}

fn reason(code: ReasonCode, bytes: u64, text: &str) -> Reason {
    Reason { code, bytes, text: text.to_owned() }
}

fn tmpfs(mount: &str, mib: u64) -> Tmpfs {
    Tmpfs { mount: mount.into(), used_bytes: mib * MIB, size_bytes: Some(64 * MIB) }
}

/// A kill in a cgroup that is filled by a file in tmpfs.
pub(crate) fn tmpfs_kill() -> Report {
    let mut report = memcg_kill();
    report.account = Some(Account {
        of: Whole::Cgroup,
        total_bytes: 32 * MIB,
        candidates_bytes: Some(3 * MIB),
        victim_bytes: Some(3 * MIB),
        locked_bytes: Some(0),
        dirty_bytes: Some(0),
        returned_bytes: None,
        unexplained_bytes: 100 << 10,
        parts: vec![
            part(What::Tmpfs, 28 * MIB, Some(false), Some(false)),
            part(What::Anon, 4 * MIB - (100 << 10), Some(false), Some(true)),
            part(What::Unexplained, 100 << 10, None, None),
        ],
        holder: None,
        reasons: vec![reason(
            ReasonCode::Tmpfs,
            28 * MIB,
            "28.0 of 32.0 MiB is tmpfs at /vol, which no kill frees",
        )],
    });
    report.machine = Some(Machine {
        swap: Swap { total_bytes: Some(0), free_bytes: Some(0), devices: None },
        tmpfs: Some(vec![tmpfs("/vol", 28), tmpfs("/run", 0)]),
        ..Machine::default()
    });
    report
}

/// A process that cannot be killed.
pub(crate) fn exempt() -> Holder {
    Holder {
        kind: HolderKind::Exempt,
        bytes: 30 * MIB,
        processes: Some(1),
        pid: Some(9),
        comm: Some("backup".into()),
        cgroup: None,
        text: "backup (pid 9) holds 30.0 of 32.0 MiB and is exempt by oom_score_adj -1000".to_owned(),
    }
}

fn zone(name: &str, managed_mib: u64, free_mib: u64, usable: bool) -> Zone {
    Zone {
        node: 0,
        name: name.to_owned(),
        usable: Some(usable),
        managed_bytes: Some(managed_mib * MIB),
        present_bytes: Some(managed_mib * MIB),
        free_bytes: free_mib * MIB,
        min_bytes: Some(2 * MIB),
        low_bytes: Some(3 * MIB),
        high_bytes: Some(4 * MIB),
        boost_bytes: Some(0),
        reserve_bytes: Some(0),
        cma_free_bytes: None,
        highatomic_bytes: Some(0),
        percpu_lists_bytes: Some(MIB),
        free_blocks: vec![200, 20, 4, 0],
        free_block_types: None,
    }
}

/// A kill on a machine whose memory is mostly free, in a zone that the allocation cannot use.
pub(crate) fn movable_kill() -> Report {
    let other_zone = "680 MiB is free in zone Movable, which this allocation cannot use";
    let mut report = memcg_kill();
    report.cause.code = Code::Global;
    report.domain = Domain { kind: Some("system"), total_pages: Some(240_640), ..Domain::default() };
    report.allocation.order = Some(2);
    report.account = Some(Account {
        of: Whole::Machine,
        total_bytes: 940 * MIB,
        candidates_bytes: Some(22 * MIB),
        victim_bytes: Some(2 * MIB),
        locked_bytes: Some(0),
        dirty_bytes: None,
        returned_bytes: None,
        unexplained_bytes: 236 * MIB,
        parts: vec![
            part(What::FreeOtherZone, 680 * MIB, None, None),
            part(What::Unexplained, 236 * MIB, None, None),
            part(What::Anon, 22 * MIB, Some(false), Some(true)),
            part(What::FreeReserved, 2 * MIB, None, None),
        ],
        holder: None,
        reasons: vec![
            reason(ReasonCode::OtherZone, 680 * MIB, other_zone),
            reason(ReasonCode::Exhausted, 2 * MIB, "zone DMA32 has 2.0 MiB free, and 2.0 MiB must stay free"),
        ],
    });
    report.machine = Some(Machine {
        source: Some("decision"),
        read_ns: Some(9_000),
        managed_bytes: Some(940 * MIB),
        free_bytes: Some(682 * MIB),
        percpu_lists_bytes: Some(2 * MIB),
        swap: Swap { total_bytes: Some(0), free_bytes: Some(0), devices: None },
        zones: vec![zone("Movable", 690, 680, false), zone("DMA32", 250, 2, true)],
        slabs: Some(vec![Slab { name: "dentry".to_owned(), bytes: 3 * MIB, reclaimable: Some(true) }]),
        ..Machine::default()
    });
    report
}

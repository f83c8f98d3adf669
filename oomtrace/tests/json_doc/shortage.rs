//! The allocation, the machine and the account in the test's report.

use oomtrace::{
    account::{Account, Holder, HolderKind, Part, Reason, ReasonCode, What, Whole},
    incident::{AllocationKind, StateSource},
    report::{Allocation, HugePages, Machine, Node, Slab, Swap, SwapDevice, Tmpfs, UserCall, Zone},
};

/// A machine with every field known.
pub(super) fn machine() -> Machine {
    Machine {
        source: Some(StateSource::Decision.name()),
        read_ns: Some(1),
        managed_bytes: Some(1),
        free_bytes: Some(1),
        percpu_lists_bytes: Some(1),
        swap: Swap {
            total_bytes: Some(1),
            free_bytes: Some(1),
            devices: Some(vec![SwapDevice {
                name: "/dev/zram0".into(),
                size_bytes: 1,
                used_bytes: 1,
                priority: -2,
            }]),
        },
        nodes: vec![Node { node: 0, counters: vec![("nr_anon_mapped_bytes".to_owned(), 1)] }],
        nodes_left_out: 0,
        zones: vec![Zone { free_block_types: Some(vec![vec!["movable".to_owned()]]), ..zone(Some(1)) }],
        zones_left_out: 0,
        huge_pages: Some(vec![huge_pages(Some(1))]),
        tmpfs: Some(vec![Tmpfs { mount: "/dev/shm".into(), used_bytes: 1, size_bytes: Some(1) }]),
        sysv_shm_bytes: Some(1),
        slabs: Some(vec![Slab { name: "dentry".to_owned(), bytes: 1, reclaimable: Some(true) }]),
    }
}

fn zone(known: Option<u64>) -> Zone {
    Zone {
        node: 0,
        name: "Normal".to_owned(),
        usable: known.map(|_| true),
        managed_bytes: known,
        present_bytes: known,
        free_bytes: 1,
        min_bytes: known,
        low_bytes: known,
        high_bytes: known,
        boost_bytes: known,
        reserve_bytes: known,
        cma_free_bytes: known,
        highatomic_bytes: known,
        percpu_lists_bytes: known,
        free_blocks: vec![1],
        free_block_types: None,
    }
}

fn huge_pages(known: Option<u64>) -> HugePages {
    HugePages { size_bytes: 1, node: known.map(|_| 0), total: 1, free: 1, reserved: known, surplus: known }
}

/// A machine whose lists have one empty row each.
pub(super) fn empty_machine() -> Machine {
    Machine {
        swap: Swap { devices: machine().swap.devices, ..Swap::default() },
        nodes: machine().nodes,
        zones: vec![zone(None)],
        huge_pages: Some(vec![huge_pages(None)]),
        tmpfs: Some(vec![Tmpfs { mount: "/dev/shm".into(), used_bytes: 1, size_bytes: None }]),
        slabs: Some(vec![Slab { name: "dentry".to_owned(), bytes: 1, reclaimable: None }]),
        ..Machine::default()
    }
}

/// An account with every field known.
pub(super) fn account() -> Account {
    let part = |what| Part { what, bytes: 1, reclaimable: Some(false), freed_by_kill: Some(true) };
    Account {
        of: Whole::Machine,
        total_bytes: 1,
        candidates_bytes: Some(1),
        victim_bytes: Some(1),
        locked_bytes: Some(1),
        dirty_bytes: Some(1),
        returned_bytes: Some(1),
        unexplained_bytes: 1,
        parts: vec![part(What::Anon)],
        holder: Some(holder()),
        reasons: vec![Reason { code: ReasonCode::NoSwap, bytes: 1, text: "text".to_owned() }],
    }
}

fn holder() -> Holder {
    Holder {
        kind: HolderKind::Exempt,
        bytes: 1,
        processes: Some(1),
        pid: Some(1),
        comm: Some("comm".into()),
        cgroup: Some("/a".into()),
        text: "text".to_owned(),
    }
}

/// An account with only the amounts known.
pub(super) fn empty_account() -> Account {
    let none = Holder { processes: None, pid: None, comm: None, cgroup: None, ..holder() };
    Account {
        candidates_bytes: None,
        victim_bytes: None,
        locked_bytes: None,
        dirty_bytes: None,
        returned_bytes: None,
        parts: vec![Part { what: What::Unexplained, bytes: 1, reclaimable: None, freed_by_kill: None }],
        holder: Some(none),
        ..account()
    }
}

/// An allocation with every field known.
pub(super) fn allocation() -> Allocation {
    Allocation {
        order: Some(0),
        gfp_mask: Some("0xcc0".to_owned()),
        gfp_flags: Some(vec!["GFP_KERNEL".to_owned()]),
        constraint: Some("memcg"),
        kind: Some(AllocationKind::AnonFault),
        syscall: Some("read".to_owned()),
        stack: Some(vec!["do_anonymous_page+0x1/0x2".to_owned()]),
        stack_cut: Some(false),
        user_stack: Some(vec![UserCall {
            build_id: Some("9d3b".to_owned()),
            offset: Some(1),
            file: Some("/bin/name".into()),
            symbol: Some("main".to_owned()),
        }]),
    }
}

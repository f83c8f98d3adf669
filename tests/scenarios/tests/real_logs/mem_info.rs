//! Tests of the parsers of Mem-Info and of the call trace on logs of real kernels.

use oomtrace_scenarios::witness::{self, Incident, Kind, MemInfo};

use crate::fixtures::{self, fixture};

/// Figures that every kernel prints for a zone and for a node.
const OF_ZONE: [&str; 9] =
    ["free", "min", "low", "high", "reserved_highatomic", "present", "managed", "free_pcp", "free_cma"];
const OF_NODE: [&str; 8] = [
    "active_anon",
    "inactive_anon",
    "active_file",
    "inactive_file",
    "unevictable",
    "shmem",
    "kernel_stack",
    "mapped",
];
/// The size of a page, and of the largest block of the page allocator.
const PAGE_BYTES: u64 = 4096;
const ORDERS: usize = 11;

fn incidents() -> Vec<(String, Incident)> {
    let of = |fixture: fixtures::Fixture| {
        let name = fixture.name;
        witness::read(&fixture.seen.log).into_iter().map(move |incident| (name.clone(), incident))
    };
    fixtures::all().into_iter().flat_map(of).collect()
}

fn with_mem_info() -> Vec<(String, MemInfo)> {
    incidents().into_iter().filter_map(|(name, incident)| Some((name, incident.mem_info?))).collect()
}

#[test]
fn only_shortages_of_the_machine_have_mem_info() {
    for (name, incident) in incidents() {
        assert_eq!(incident.mem_info.is_some(), incident.usage.is_none(), "{name}");
    }
    assert!(with_mem_info().len() > 10);
}

#[test]
fn reads_every_line_of_mem_info() {
    for (name, info) in with_mem_info() {
        assert!(info.totals.len() >= 14 && info.totals.contains_key("free_pcp"), "{name}");
        assert!(!info.nodes.is_empty() && !info.zones.is_empty(), "{name}");
        for figures in info.nodes.values() {
            assert!(OF_NODE.iter().all(|key| figures.contains_key(*key)), "{name}: {figures:?}");
        }
        for zone in &info.zones {
            assert!(OF_ZONE.iter().all(|key| zone.bytes(key).is_some()), "{name}: {zone:?}");
            assert_eq!((zone.free_blocks.len(), zone.reserve_pages.len()), (ORDERS, 5), "{name}");
            assert!(info.nodes.contains_key(&zone.node), "{name}");
        }
        // Each node has two sizes. 5.10 also prints the pools of nodes whose figures it omits.
        assert!(info.huge_pools.len() >= 2 * info.nodes.len(), "{name}");
        assert!(info.swap_total_bytes.is_some() && info.swap_free_bytes <= info.swap_total_bytes, "{name}");
    }
}

#[test]
fn zones_add_up_to_the_managed_pages() {
    for (name, info) in with_mem_info() {
        let all = (info.ram_pages.unwrap() - info.reserved_pages.unwrap()) * PAGE_BYTES;
        // The report of an allocation that is confined to some nodes omits the others.
        let is_confined = name.ends_with("cpuset") || name.ends_with("mempolicy");
        assert!(info.managed_bytes() == all || is_confined && info.managed_bytes() < all, "{name}");
    }
}

/// The tolerance between the free blocks and the free pages of one report. The kernel prints them one after the other while
/// other processors run.
const BETWEEN_LINES_BYTES: u64 = 1 << 20;

#[test]
fn free_blocks_add_up_to_the_free_pages() {
    for (name, info) in with_mem_info() {
        for zone in &info.zones {
            let sizes = (0..ORDERS).map(|order| PAGE_BYTES << order);
            let sum: u64 = zone.free_blocks.iter().zip(sizes).map(|(free, size)| free.count * size).sum();
            let free = zone.bytes("free").unwrap();
            assert!(sum.abs_diff(free) <= BETWEEN_LINES_BYTES, "{name} {}: {sum} {free}", zone.name);
            assert!(zone.free_blocks.iter().all(|free| (free.count > 0) != free.types.is_empty()), "{name}");
            assert!(
                zone.free_blocks.iter().all(|free| free.names().len() == free.types.len()),
                "{name}: {:?}",
                zone.free_blocks
            );
        }
    }
}

#[test]
fn swap_has_the_size_of_the_guests_swap() {
    for fixture in fixtures::all() {
        for info in witness::read(&fixture.seen.log).into_iter().filter_map(|incident| incident.mem_info) {
            assert_eq!(info.swap_total_bytes, Some(fixture.seen.swap_bytes), "{}", fixture.name);
        }
    }
}

#[test]
fn the_report_of_a_bound_process_has_only_its_node() {
    for name in ["5.10-mempolicy", "7.3-mempolicy", "5.10-cpuset", "7.3-cpuset"] {
        let [incident] = witness::read(&fixture(name).seen.log).try_into().unwrap();
        let info = incident.mem_info.unwrap();
        assert_eq!(info.nodes.keys().collect::<Vec<_>>(), [&1], "{name}");
        assert!(info.zones.iter().all(|zone| zone.node == 1), "{name}");
    }
}

/// The possible innermost functions of a fixture's trace, and its outermost ones.
fn innermost_and_outermost(name: &str) -> (&'static [&'static str], &'static [&'static str]) {
    const OF_MACHINE: &[&str] = &["__alloc_pages_slowpath"];
    const OF_CGROUP: &[&str] = &["mem_cgroup_out_of_memory"];
    const FAULT: &[&str] = &["asm_exc_page_fault"];
    const SYSCALL: &[&str] = &["entry_SYSCALL_64_after_hwframe"];
    const THREAD: &[&str] = &["ret_from_fork"];
    match name.split_once('-').map_or(name, |(_, scenario)| scenario) {
        "sysrq" => (&["moom_callback"], THREAD),
        "mglru" => (&["balance_pgdat"], THREAD),
        "lowered" | "tmpfs" => (OF_CGROUP, SYSCALL),
        scenario if scenario.starts_with("global") || ["cpuset", "mempolicy"].contains(&scenario) => {
            (OF_MACHINE, FAULT)
        }
        _ => (OF_CGROUP, FAULT),
    }
}

#[test]
fn call_traces_lead_from_out_of_memory_to_the_entry_of_the_kernel() {
    for (name, incident) in incidents() {
        let calls: Vec<_> = incident.call_trace.iter().filter(|call| call.kind != Kind::Guess).collect();
        let (inner, outer) = innermost_and_outermost(&name);
        let begins = |place: &str, names: &[&str]| names.iter().any(|name| place.starts_with(name));
        let (first, last) = (calls.first().unwrap(), calls.last().unwrap());
        assert!(first.kind == Kind::Replaced || begins(&first.place, inner), "{name}: {calls:#?}");
        assert!(begins(&last.place, outer), "{name}: {calls:#?}");
        assert!(calls.iter().skip(1).all(|call| call.kind == Kind::Sure), "{name}: {calls:#?}");
        assert!(calls.len() > 3 && calls.iter().all(|call| !call.place.contains('/')), "{name}");
    }
}

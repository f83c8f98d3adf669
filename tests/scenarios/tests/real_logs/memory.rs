//! The memory in a correct report, made from the log's Mem-Info and the cgroup's figures. The comparison must name each altered
//! figure.

use oomtrace_scenarios::witness::{FreeBlocks, Incident, MemInfo, Zone};
use serde_json::{Map, Value, json};

use crate::fixtures::{Fixture, altered};

const PAGE_BYTES: u64 = 4096;

/// The report's names for the log's figures of a node.
const OF_NODE: [(&str, &str); 5] = [
    ("active_anon", "nr_active_anon_bytes"),
    ("inactive_anon", "nr_inactive_anon_bytes"),
    ("active_file", "nr_active_file_bytes"),
    ("inactive_file", "nr_inactive_file_bytes"),
    ("unevictable", "nr_unevictable_bytes"),
];
const MORE_OF_NODE: [(&str, &str); 10] = [
    ("isolated(anon)", "nr_isolated_anon_bytes"),
    ("isolated(file)", "nr_isolated_file_bytes"),
    ("mapped", "nr_file_mapped_bytes"),
    ("dirty", "nr_file_dirty_bytes"),
    ("writeback", "nr_writeback_bytes"),
    ("shmem", "nr_shmem_bytes"),
    ("kernel_stack", "nr_kernel_stack_bytes"),
    ("pagetables", "nr_pagetable_bytes"),
    ("sec_pagetables", "nr_secondary_pagetable_bytes"),
    ("Balloon", "nr_balloon_pages_bytes"),
];

/// The `machine` of a report.
pub(crate) fn machine(fixture: &Fixture, incident: &Incident) -> Value {
    let Some(info) = &incident.mem_info else { return json!({ "zones": [], "nodes": [] }) };
    let zones = info.zones.iter().filter(|zone| zone.bytes("managed") != Some(0));
    let class = class(incident.invoked.as_ref().unwrap().gfp_mask);
    let pools = info.huge_pools.iter().map(|pool| {
        json!({
            "node": pool.node, "size_bytes": pool.size_bytes,
            "total": pool.total, "free": pool.free, "surplus": pool.surplus,
        })
    });
    json!({
        "source": "decision",
        "zones": zones.map(|zone| zone_of(fixture, zone, class)).collect::<Vec<_>>(),
        "zones_left_out": 0,
        "nodes": nodes(info),
        "nodes_left_out": 0,
        "swap": { "total_bytes": info.swap_total_bytes, "free_bytes": info.swap_free_bytes },
        "huge_pages": pools.collect::<Vec<_>>(),
    })
}

/// The position of the highest zone in `enum zone_type`: Movable for movable user memory, otherwise Normal.
fn class(mask: u64) -> usize {
    if mask & 0xa == 0xa { 3 } else { 2 }
}

fn zone_of(fixture: &Fixture, zone: &Zone, class: usize) -> Value {
    let bytes = |name: &str| zone.bytes(name);
    let boost = bytes("boost").unwrap_or(0);
    let mark = |name: &str| bytes(name).map(|bytes| bytes - boost);
    let nodes = &fixture.scenario.expect.nodes;
    let on_node = nodes.is_empty() || nodes.iter().any(|&node| i32::try_from(node) == Ok(zone.node));
    let types: Vec<Vec<&str>> = zone.free_blocks.iter().map(FreeBlocks::names).collect();
    json!({
        "node": zone.node, "name": zone.name, "usable": on_node && (zone.name != "Movable" || class == 3),
        "managed_bytes": bytes("managed"), "present_bytes": bytes("present"),
        "free_bytes": bytes("free"), "boost_bytes": boost,
        "min_bytes": mark("min"), "low_bytes": mark("low"), "high_bytes": mark("high"),
        "reserve_bytes": zone.reserve_pages[class] * PAGE_BYTES,
        "cma_free_bytes": bytes("free_cma"), "percpu_lists_bytes": bytes("free_pcp"),
        "highatomic_bytes": bytes("reserved_highatomic"),
        "free_blocks": zone.free_blocks.iter().map(|blocks| blocks.count).collect::<Vec<_>>(),
        "free_block_types": types,
    })
}

/// The nodes. The first one has the figures that the log prints only for the whole machine.
fn nodes(info: &MemInfo) -> Vec<Value> {
    let of_node = |(node, figures): (&i32, &std::collections::BTreeMap<String, u64>)| {
        let names = OF_NODE.iter().chain(&MORE_OF_NODE);
        let counters = names.filter_map(|(name, key)| Some(((*key).to_owned(), json!(figures.get(*name)?))));
        let mut counters: Map<String, Value> = counters.collect();
        counters.insert("node".to_owned(), json!(node));
        for name in ["slab_reclaimable", "slab_unreclaimable", "kernel_misc_reclaimable"] {
            let is_first = info.nodes.keys().next() == Some(node);
            let pages = info.totals.get(name).filter(|_| is_first).copied().unwrap_or(0);
            counters.insert(format!("nr_{name}_bytes"), json!(pages * PAGE_BYTES));
        }
        Value::Object(counters)
    };
    info.nodes.iter().map(of_node).collect()
}

/// The `account` of a report.
pub(crate) fn account(fixture: &Fixture, incident: &Incident) -> Value {
    let expect = &fixture.scenario.expect;
    let (of, total, known) = match (&incident.mem_info, incident.usage) {
        (Some(info), _) => {
            let total = (info.ram_pages.unwrap() - info.reserved_pages.unwrap()) * PAGE_BYTES;
            ("machine", total, vec![("anon", total)])
        }
        (None, usage) => ("cgroup", usage.map_or(0, |usage| usage.usage_bytes), of_cgroup(incident)),
    };
    let mut left = total;
    let mut part = |(what, bytes): (&str, u64)| {
        let bytes = bytes.min(left);
        left -= bytes;
        json!({ "what": what, "bytes": bytes })
    };
    let mut parts: Vec<Value> = known.into_iter().map(&mut part).collect();
    parts.push(json!({ "what": "unexplained", "bytes": left }));
    let bytes_of = |what: &str| {
        let found = parts.iter().find(|part| part["what"] == what);
        found.map_or(0, |part| part["bytes"].as_u64().unwrap())
    };
    let rows = || incident.rows.iter().filter(|row| row.oom_score_adj > -1000);
    let anon: u64 = rows().map(|row| row.rss_anon_pages.unwrap_or(0) * PAGE_BYTES).sum();
    let tables: u64 = rows().map(|row| row.pgtables_bytes).sum();
    let candidates = anon.min(bytes_of("anon")) + tables.min(bytes_of("page_tables"));
    let held: u64 = incident.kills.iter().map(|kill| kill.anon_rss_bytes + kill.pgtables_bytes).sum();
    json!({
        "of": of,
        "total_bytes": total,
        "unexplained_bytes": left,
        "parts": parts,
        "victim_bytes": held.min(total),
        "candidates_bytes": candidates,
        "reasons": expect.reasons.first().map(|code| json!({ "code": code })).into_iter().collect::<Vec<_>>(),
        "holder": expect.holder.as_ref().map(|kind| json!({ "kind": kind })),
    })
}

fn of_cgroup(incident: &Incident) -> Vec<(&'static str, u64)> {
    let names = [
        ("anon", "anon"),
        ("shmem", "shmem"),
        ("sockets", "sock"),
        ("slab_unreclaimable", "slab_unreclaimable"),
        ("slab_reclaimable", "slab_reclaimable"),
        ("kernel_stack", "kernel_stack"),
        ("page_tables", "pagetables"),
        ("percpu", "percpu"),
        ("vmalloc", "vmalloc"),
    ];
    names.iter().map(|(part, name)| (*part, incident.stat.get(*name).copied().unwrap_or(0))).collect()
}

/// Fields of the report of a machine-wide shortage, with a wrong value for each.
const WRONG: &str = r#"{
    "/machine/source": "procfs",
    "/machine/zones/0/name": "HighMem",
    "/machine/zones/0/usable": null,
    "/machine/zones/0/managed_bytes": 4096,
    "/machine/zones/0/present_bytes": 4096,
    "/machine/zones/0/free_bytes": 1073741824,
    "/machine/zones/0/min_bytes": 0,
    "/machine/zones/0/low_bytes": 0,
    "/machine/zones/0/high_bytes": 0,
    "/machine/zones/0/reserve_bytes": 1,
    "/machine/zones/0/cma_free_bytes": 1073741824,
    "/machine/zones/0/percpu_lists_bytes": 1073741824,
    "/machine/zones/0/highatomic_bytes": 1,
    "/machine/zones/0/free_blocks": [],
    "/machine/zones/0/free_blocks/0": 1000000,
    "/machine/zones/0/free_blocks/10": 7,
    "/machine/zones_left_out": 1,
    "/machine/nodes/0/node": 7,
    "/machine/nodes/0/nr_active_anon_bytes": 1073741824,
    "/machine/nodes/0/nr_inactive_anon_bytes": 1073741824,
    "/machine/nodes/0/nr_active_file_bytes": 1073741824,
    "/machine/nodes/0/nr_unevictable_bytes": 1073741824,
    "/machine/nodes/0/nr_file_mapped_bytes": 1073741824,
    "/machine/nodes/0/nr_shmem_bytes": 1073741824,
    "/machine/nodes/0/nr_kernel_stack_bytes": 1073741824,
    "/machine/nodes_left_out": 1,
    "/machine/swap/total_bytes": 1,
    "/machine/swap/free_bytes": 1073741824,
    "/machine/huge_pages/0/total": 7,
    "/machine/huge_pages/0/free": 7,
    "/machine/huge_pages/0/size_bytes": 7,
    "/account/of": "cgroup",
    "/account/total_bytes": 4096,
    "/account/unexplained_bytes": 4096,
    "/account/victim_bytes": 0
}"#;

/// The field named for an altered value: the list, if the list is searched by this value.
fn place(pointer: &str) -> String {
    let field = pointer.trim_start_matches('/').replace('/', ".");
    match field.as_str() {
        "machine.zones.0.name" => "machine.zones".to_owned(),
        "machine.nodes.0.node" => "machine.nodes".to_owned(),
        "machine.huge_pages.0.size_bytes" => "machine.huge_pages".to_owned(),
        _ => field,
    }
}

#[test]
fn names_each_altered_figure_of_the_machine() {
    let wrong: Map<String, Value> = serde_json::from_str(WRONG).unwrap();
    for name in ["5.10-global", "6.1-global", "6.12-global", "6.18-global", "7.3-global"] {
        for (pointer, value) in &wrong {
            let named = altered(name, pointer, value.clone());
            assert!(named.contains(&place(pointer)), "{name}: {pointer} as {value}: {named:?}");
        }
    }
}

#[test]
fn names_absent_figures_of_the_machine() {
    for (pointer, field) in [
        ("/machine/zones", "machine.zones"),
        ("/machine/zones/0/free_bytes", "machine.zones.0.free_bytes"),
        ("/machine/zones/0/min_bytes", "machine.zones.0.min_bytes"),
        ("/machine/zones/0/free_blocks", "machine.zones.0.free_blocks"),
        ("/machine/nodes", "machine.nodes"),
        ("/machine/nodes/0/nr_slab_unreclaimable_bytes", "machine.nodes.nr_slab_unreclaimable_bytes"),
        ("/account", "account.total_bytes"),
    ] {
        for name in ["5.10-global", "7.3-global"] {
            let named = altered(name, pointer, Value::Null);
            assert!(named.iter().any(|named| named == field), "{name}: {pointer}: {named:?}");
        }
    }
}

#[test]
fn compares_types_of_free_blocks_if_their_number_is_equal() {
    let named = altered("7.3-global", "/machine/zones/0/free_block_types", json!(vec![["isolate"]; 11]));
    assert!(named.iter().all(|field| field.starts_with("machine.zones.0.free_block_types.")), "{named:?}");
    assert_eq!(named.len(), 11);
}

#[test]
fn rejects_a_zone_of_another_node_as_usable() {
    for name in ["5.10-mempolicy", "7.3-cpuset"] {
        let named = altered(name, "/machine/zones/0/usable", json!(false));
        assert_eq!(named, ["machine.zones.0.usable"], "{name}");
    }
}

#[test]
fn requires_the_parts_of_the_cgroups_log() {
    for name in ["5.10-cgroup", "7.3-cgroup"] {
        let named = altered(name, "/account/parts/0/bytes", json!(4096));
        assert_eq!(named[..2], ["account.total_bytes", "account.parts.anon"], "{name}");
        let named = altered(name, "/account/parts/1/what", json!("percpu"));
        assert_eq!(named, [""; 0], "{name}: nothing was shared");
    }
    for name in ["5.10-tmpfs", "6.12-tmpfs"] {
        let named = altered(name, "/account/parts/1/what", json!("percpu"));
        assert_eq!(named, ["account.parts.tmpfs", "account.parts.percpu"], "{name}");
    }
}

#[test]
fn bounds_the_unexplained_part() {
    let parts = json!([{ "what": "anon", "bytes": 1 }, { "what": "unexplained", "bytes": 1_u64 << 40 }]);
    let named = altered("7.3-global", "/account/parts", parts);
    assert!(named.contains(&"account.unexplained_bytes".to_owned()), "{named:?}");
}

#[test]
fn requires_killable_memory_to_be_that_of_the_tasks() {
    // Kernels before 6.9 do not list anonymous memory separately.
    for name in ["7.3-global", "7.3-cgroup", "7.3-parent"] {
        assert_eq!(
            altered(name, "/account/candidates_bytes", json!(1)),
            ["account.candidates_bytes"],
            "{name}"
        );
    }
    assert_eq!(altered("5.10-global", "/account/candidates_bytes", json!(1)), [""; 0]);
}

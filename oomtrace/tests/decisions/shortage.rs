//! Zones, nodes and stacks of a 7.3 guest of 512 MiB, and the memory state and call trace that an incident gets from them.

use oomtrace::{
    assemble::Step,
    bytes::ByteString,
    context::{
        KernelSymbol, KernelSymbols, Meminfo, SURROUNDINGS_NS, Session, Surroundings, UserSymbol,
        UserSymbols, Zones,
    },
    incident::{self, AllocationKind, CallTrace, Incident, MemoryState, StateSource},
    kernel::facts::{GfpBit, MemoryNames},
    report::{Report, report},
};
use oomtrace_common::{
    event::{MarkVictim, Node, OomKillProcess, OutOfMemory, Stack, UserCall, Zone},
    frame::Kind,
};
use zerocopy::FromZeros as _;

use crate::stream::{MEMCG, MS, NONE, PODS, Stream, choice, request, session, task};

const MESSAGE: &str = "Out of memory";

fn words(names: &str) -> Vec<String> {
    names.split(' ').map(str::to_owned).collect()
}

/// A session of a kernel whose names are known.
fn known() -> Session {
    let mut session = session("fentry", &[]);
    session.facts.memory = MemoryNames {
        zone_stat_item: words("NR_FREE_PAGES NR_FREE_CMA_PAGES WORKINGSET_NODES"),
        node_stat_item: words("NR_INACTIVE_ANON NR_ACTIVE_ANON NR_KERNEL_STACK_KB NR_SLAB_UNRECLAIMABLE_B"),
        migratetype: words("MIGRATE_UNMOVABLE MIGRATE_MOVABLE MIGRATE_RECLAIMABLE"),
        zone_type: words("ZONE_DMA ZONE_DMA32 ZONE_NORMAL ZONE_MOVABLE"),
        zone_watermarks: words("WMARK_MIN WMARK_LOW WMARK_HIGH WMARK_PROMO"),
    };
    let flags = [(1, "HIGHMEM"), (3, "MOVABLE"), (2, "DMA32"), (17, "HARDWALL")];
    let bits = flags.map(|(bit, name)| GfpBit { bit, name: format!("__GFP_{name}") });
    session.facts.gfp_bits.extend(bits);
    session
}

fn zone(node: i32, index: i32, position: u16) -> Zone {
    let mut zone = Zone::new_zeroed();
    (zone.node, zone.index, zone.position, zone.zones) = (node, index, position, 3);
    zone.present = Zone::NAME | Zone::MANAGED | Zone::PERCPU;
    zone.name[..5].copy_from_slice(b"DMA32");
    (zone.managed_pages, zone.percpu_pages) = (107_980, 2276);
    (zone.watermarks, zone.watermark) = (4, [630, 787, 944, 1101, 0, 0, 0, 0]);
    (zone.classes, zone.reserve) = (5, [0, 421, 421, 421, 421, 0, 0, 0]);
    zone.orders = 3;
    zone.free_blocks[..3].copy_from_slice(&[0, 4, 1]);
    zone.free_types[..3].copy_from_slice(&[0, 0b101, 0b010]);
    zone.counters = 3;
    zone.vm_stat[..3].copy_from_slice(&[60, -2, 9]);
    zone
}

fn node(number: i32, flags: u32) -> Node {
    let mut node = Node::new_zeroed();
    (node.node, node.flags, node.counters) = (number, flags, 4);
    node.vm_stat[..4].copy_from_slice(&[7, 99_419, 1056, 2907]);
    node
}

const ALLOWED: u32 = Node::MEMS_ALLOWED | Node::IN_MEMS_ALLOWED;

/// A decision about the machine with this GFP mask, over two nodes with these masks.
fn state(gfp_mask: u32, nodes: [u32; 2]) -> MemoryState {
    let mut stream = Stream::with(&known());
    let hog = task(812);
    let entry = OutOfMemory { flags: OutOfMemory::ZONELIST, gfp_mask, ..request(hog) };
    stream.enter().add(entry).choose(hog, MESSAGE, NONE, 130_000);
    stream.add(zone(0, 1, 0)).add(node(0, nodes[0])).add(zone(1, 2, 1)).add(node(1, nodes[1]));
    stream.execute(hog, hog).leave(1, 1).exit(812);
    MemoryState::clone(&last(&stream).memory_state.unwrap())
}

fn last(stream: &Stream) -> Incident {
    match stream.steps().pop().unwrap() {
        Step::Closed(incident) | Step::Decided(incident) => *incident,
    }
}

#[test]
fn names_figures_as_the_kernel_does() {
    let state = state(0x14_0dca, [ALLOWED; 2]);
    assert_eq!((state.source, state.class, state.allowed_nodes), (StateSource::Decision, Some(3), None));
    assert_eq!((state.zones.len(), state.zones_left_out, state.nodes_left_out), (2, 1, 0));
    let zone = &state.zones[0];
    assert_eq!((zone.name.as_str(), zone.node, zone.index, zone.free_pages), ("DMA32", 0, 1, 60));
    assert_eq!((zone.min_pages, zone.low_pages, zone.high_pages), (Some(630), Some(787), Some(944)));
    assert_eq!(zone.reserve_pages, [0, 421, 421, 421, 421]);
    assert_eq!((zone.managed_pages, zone.present_pages, zone.boost_pages), (Some(107_980), None, None));
    assert_eq!((zone.percpu_pages, zone.cma_free_pages), (Some(2276), Some(0)), "below zero for a moment");
    assert_eq!(zone.free_blocks.iter().map(|order| order.count).collect::<Vec<_>>(), [0, 4, 1]);
    assert_eq!(zone.free_blocks[1].types, Some(words("unmovable reclaimable")));
    assert_eq!(zone.counters.keys().collect::<Vec<_>>(), ["nr_free_cma_pages", "nr_free_pages"]);
    let counters = &state.nodes[0].counters;
    assert_eq!(counters["nr_active_anon"], 99_419 * 4096);
    assert_eq!(counters["nr_kernel_stack_kb"], 1056 * 1024);
    assert_eq!(counters["nr_slab_unreclaimable_b"], 2907 * 4096);
}

#[test]
fn derives_the_class_from_the_mask() {
    let class = |gfp_mask| state(gfp_mask, [ALLOWED; 2]).class;
    assert_eq!([0xcc0, 0xcc4, 0xcc2, 0xcca, 0xcc8].map(class), [2, 1, 2, 3, 2].map(Some));
}

#[test]
fn nodes_are_confined_by_a_policy_and_by_the_cpuset_of_a_hardwalled_allocation() {
    let allowed = |gfp_mask, nodes| state(gfp_mask, nodes).allowed_nodes;
    let outside = Node::MEMS_ALLOWED;
    assert_eq!(allowed(0x2_0000, [ALLOWED, outside]), Some(vec![0]));
    assert_eq!(allowed(0xcc0, [ALLOWED, outside]), None);
    let policy = [ALLOWED | Node::NODEMASK, ALLOWED | Node::NODEMASK | Node::IN_NODEMASK];
    assert_eq!(allowed(0xcc0, policy), Some(vec![1]));
}

fn stack(kernel: &[u64]) -> Stack {
    let mut stack = Stack::new_zeroed();
    (stack.pid, stack.tid) = (812, 812);
    stack.kernel_bytes = i32::try_from(kernel.len() * 8).unwrap();
    stack.kernel[..kernel.len()].copy_from_slice(kernel);
    stack.user_bytes = 64;
    let mut build_id = [0; 20];
    build_id[..2].copy_from_slice(&[0x9d, 0x3b]);
    stack.user[0] = UserCall { status: UserCall::VALID, build_id, place: 0xbf5b0 };
    stack.user[1] = UserCall { status: UserCall::IP, build_id: [0; 20], place: 0xddc4 };
    stack
}

fn symbols(named: &[(u64, &str, Option<&str>)]) -> KernelSymbols {
    let symbol = |(address, name, module): &(u64, &str, Option<&str>)| KernelSymbol {
        address: *address,
        name: (*name).to_owned(),
        offset: 5,
        size: Some(9),
        module: module.map(str::to_owned),
    };
    KernelSymbols { symbols: named.iter().map(symbol).collect(), more: false }
}

fn trace(stack: Stack, named: &[(u64, &str, Option<&str>)]) -> CallTrace {
    let mut stream = Stream::with(&known());
    let hog = task(812);
    stream.global_oom(hog).choose(hog, MESSAGE, NONE, 130_000).add(stack);
    let pass = stream.pass;
    stream.execute(hog, hog).leave(1, 1).pass = pass;
    stream.context(Kind::KernelSymbols, &symbols(named));
    let symbol = UserSymbol {
        build_id: "9d3b".to_owned(),
        offset: 0xbf5b0,
        file: Some("/usr/bin/hog".into()),
        symbol: Some("touch".to_owned()),
        ..UserSymbol::default()
    };
    let address = UserSymbol { address: Some(0xddc4), offset: 0xdc4, ..UserSymbol::default() };
    stream.context(Kind::UserSymbols, &UserSymbols { pid: 812, symbols: vec![symbol, address], more: false });
    stream.exit(812);
    last(&stream).call_trace.unwrap()
}

#[test]
fn starts_the_trace_at_the_caller_of_the_decision() {
    let named = [
        (1, "bpf_prog_1_oom_kill_process_fentry", Some("bpf")),
        (2, "oom_kill_process", None),
        (3, "out_of_memory", None),
        (4, "bpf_trampoline_6442547658", Some("bpf")),
        (5, "__alloc_pages_slowpath.constprop.0", None),
        (6, "handle_mm_fault", None),
    ];
    let trace = trace(stack(&[1, 2, 3, 4, 5, 6, 7]), &named);
    let names: Vec<Option<&str>> =
        trace.kernel.iter().map(|call| call.symbol.as_ref().map(|symbol| symbol.name.as_str())).collect();
    assert_eq!(names, [Some("__alloc_pages_slowpath.constprop.0"), Some("handle_mm_fault"), None]);
    assert!(!trace.cut);
    assert_eq!(trace.user[0].build_id.as_deref(), Some("9d3b"));
    assert_eq!(trace.user[0].file, Some("/usr/bin/hog".into()));
    assert_eq!(trace.user[0].symbol.as_deref(), Some("touch"));
    assert_eq!((trace.user[1].address, trace.user[1].offset), (Some(0xddc4), Some(0xdc4)));
}

/// The report of a machine-wide decision with this stack. The names come before or after the stack.
fn told(named: &[(u64, &str, Option<&str>)], is_before: bool) -> Report {
    let mut stream = Stream::with(&known());
    let hog = task(812);
    let symbols = symbols(named);
    if is_before {
        stream.enter().add(stack(&[1, 2, 3])).context(Kind::KernelSymbols, &symbols);
        stream.add(OutOfMemory { flags: OutOfMemory::ZONELIST, ..request(hog) });
        stream.choose(hog, MESSAGE, NONE, 130_000);
    } else {
        stream.global_oom(hog).choose(hog, MESSAGE, NONE, 130_000).add(stack(&[1, 2, 3]));
        stream.context(Kind::KernelSymbols, &symbols);
    }
    stream.execute(hog, hog).leave(1, 1).exit(812);
    report(&last(&stream))
}

#[test]
fn reports_the_purpose_of_the_allocation() {
    let named = [(1, "out_of_memory", None), (2, "copy_process", None), (3, "__do_sys_clone", Some("odd"))];
    for is_before in [false, true] {
        let told = told(&named, is_before);
        assert_eq!(told.allocation.kind, Some(AllocationKind::Fork));
        assert_eq!(told.allocation.syscall.as_deref(), Some("clone"));
        let calls = ["copy_process+0x5/0x9", "__do_sys_clone+0x5/0x9 [odd]"].map(str::to_owned);
        assert_eq!(told.allocation.stack, Some(calls.to_vec()));
        assert!(told.cause.summary.contains(" to fork; "), "{}", told.cause.summary);
    }
}

#[test]
fn reports_no_stack_without_symbols() {
    let told = told(&[], false);
    assert_eq!((told.allocation.kind, told.allocation.stack), (None, None));
    assert_eq!(told.allocation.user_stack.unwrap().len(), 2);
}

#[test]
fn accepts_a_return_probes_trampoline_as_the_decision() {
    let trace = trace(stack(&[1, 5]), &[(1, "arch_rethook_trampoline", None), (5, "try_charge", None)]);
    assert_eq!(trace.kernel.len(), 1);
}

#[test]
fn skips_a_program_between_a_function_and_its_caller() {
    let named =
        [(1, "memory_max_write", None), (2, "bpf_trampoline_6442543659", None), (3, "vfs_write", None)];
    let calls = ["memory_max_write+0x5/0x9", "vfs_write+0x5/0x9"].map(str::to_owned);
    assert_eq!(told(&named, false).allocation.stack, Some(calls.to_vec()));
}

#[test]
fn skips_a_trampoline_without_a_symbol() {
    let mut stream = Stream::with(&known());
    let hog = task(812);
    stream.global_oom(hog).choose(hog, MESSAGE, NONE, 130_000).add(stack(&[1]));
    let mut symbols = symbols(&[(1, "elfcorehdr_read", None)]);
    symbols.symbols[0].offset = 9;
    stream.context(Kind::KernelSymbols, &symbols);
    stream.execute(hog, hog).leave(1, 1).exit(812);
    assert_eq!(report(&last(&stream)).allocation.stack, None);
}

#[test]
fn marks_a_full_stack_as_possibly_deeper() {
    assert!(trace(stack(&[9; 40]), &[]).cut);
    let refused = Stack { kernel_bytes: -14, user_bytes: -14, ..stack(&[1]) };
    assert_eq!(trace(refused, &[]), CallTrace::default());
}

#[test]
fn later_reads_belong_to_the_pass() {
    let mut stream = Stream::with(&known());
    let hog = task(812);
    stream.memcg_oom(hog, PODS).kill(hog, hog, MESSAGE, MEMCG, 16_384);
    let pass = stream.pass;
    stream.leave(1, 1).pass = pass;
    let meminfo = [("MemFree".to_owned(), 5), ("SwapTotal".to_owned(), 7), ("SwapFree".to_owned(), 6)].into();
    stream.context(Kind::Meminfo, &Meminfo { read_ns: 3, meminfo });
    stream.context(Kind::Surroundings, &Surroundings { sysv_shm_bytes: Some(4), ..Surroundings::default() });
    stream.exit(812);
    let incident = last(&stream);
    let state = incident.memory_state.unwrap();
    assert_eq!((state.source, state.read_ns, state.zones.len()), (StateSource::Procfs, 3, 0));
    assert_eq!((state.swap_total_bytes, state.swap_free_bytes), (Some(7), Some(6)));
    assert_eq!(incident.surroundings.unwrap().sysv_shm_bytes, Some(4));
}

#[test]
fn swap_at_the_decision_precedes_that_of_procfs() {
    let swap = |present: u64| {
        let mut stream = Stream::with(&known());
        let hog = task(812);
        let seen = choice(hog, MESSAGE, NONE, 130_000);
        stream.enter().add(request(hog)).add(zone(0, 1, 0));
        stream.add(OomKillProcess { present, swap_free_pages: -3, swap_total_pages: 2048, ..seen });
        let meminfo = [("SwapTotal".to_owned(), 8 << 20), ("SwapFree".to_owned(), 7 << 20)].into();
        stream.context(Kind::Meminfo, &Meminfo { read_ns: 3, meminfo });
        stream.execute(hog, hog).leave(1, 1).exit(812);
        let swap = report(&last(&stream)).machine.unwrap().swap;
        (swap.total_bytes, swap.free_bytes)
    };
    assert_eq!(swap(OomKillProcess::SWAP), (Some(8 << 20), Some(0)), "below zero for a moment");
    assert_eq!(swap(0), (Some(8 << 20), Some(7 << 20)));
}

/// One zone as procfs shows it.
fn shown() -> Zones {
    let zone =
        incident::Zone { name: "DMA32".to_owned(), index: 1, free_pages: 9, ..incident::Zone::default() };
    Zones { read_ns: 4, zones: vec![zone], zones_left_out: 0, nodes: Vec::new() }
}

#[test]
fn zones_of_procfs_replace_missing_ones_of_the_kernel_side() {
    let mut stream = Stream::with(&known());
    let hog = task(812);
    stream
        .enter()
        .add(OutOfMemory { gfp_mask: 0xcc4, ..request(hog) })
        .kill(hog, hog, MESSAGE, NONE, 130_000);
    stream.context(Kind::Zones, &shown()).leave(1, 1).exit(812);
    let state = last(&stream).memory_state.unwrap();
    assert_eq!((state.source, state.read_ns, state.class), (StateSource::Procfs, 4, Some(1)));
    assert_eq!((state.zones.len(), state.allowed_nodes.as_ref()), (1, None));

    let mut stream = Stream::with(&session("tracepoint", &[]));
    stream.sigkill(812, 812).tree().add(MarkVictim { victim: hog, trigger: hog });
    stream.context(Kind::Zones, &shown()).tick(1).exit(812);
    let state = last(&stream).memory_state.unwrap();
    assert_eq!((state.source, state.class, state.zones.len()), (StateSource::Procfs, None, 1));
}

#[test]
fn keeps_zones_of_the_kernel_side() {
    let mut stream = Stream::with(&known());
    let hog = task(812);
    stream.global_oom(hog).choose(hog, MESSAGE, NONE, 130_000).add(zone(0, 1, 0));
    stream.context(Kind::Zones, &shown()).execute(hog, hog).leave(1, 1).exit(812);
    let state = last(&stream).memory_state.unwrap();
    assert_eq!((state.source, state.zones[0].free_pages), (StateSource::Decision, 60));
}

fn around(stream: &mut Stream, bytes: u64) {
    let read_ns = stream.now;
    let around = Surroundings { read_ns, sysv_shm_bytes: Some(bytes), ..Surroundings::default() };
    stream.context(Kind::Surroundings, &around);
}

#[test]
fn decisions_close_in_time_share_their_surroundings() {
    let mut stream = Stream::with(&known());
    let kill = |stream: &mut Stream, pid| {
        let hog = task(pid);
        stream.memcg_oom(hog, PODS).kill(hog, hog, MESSAGE, MEMCG, 16_384).leave(1, 1);
    };
    kill(&mut stream, 812);
    kill(&mut stream, 813);
    around(&mut stream, 4);
    kill(stream.later(SURROUNDINGS_NS / 2), 814);
    stream.exit(814);
    kill(stream.later(SURROUNDINGS_NS), 815);
    stream.exit(812).exit(813).exit(815);
    let found = |step: &Step| match step {
        Step::Closed(incident) => {
            let pid = incident.trigger.as_ref().unwrap().pid.unwrap();
            Some((pid, incident.surroundings.as_ref().and_then(|around| around.sysv_shm_bytes)))
        }
        Step::Decided(_) => None,
    };
    let mut closed: Vec<_> = stream.steps().iter().filter_map(found).collect();
    closed.sort_unstable();
    assert_eq!(closed, [(812, Some(4)), (813, Some(4)), (814, Some(4)), (815, None)]);
}

#[test]
fn later_surroundings_replace_earlier_ones() {
    let mut stream = Stream::with(&known());
    let (first, second) = (task(812), task(813));
    stream.memcg_oom(first, PODS).kill(first, first, MESSAGE, MEMCG, 16_384).leave(1, 1);
    around(&mut stream, 4);
    stream
        .exit(812)
        .later(MS)
        .memcg_oom(second, PODS)
        .kill(second, second, MESSAGE, MEMCG, 16_384)
        .leave(1, 1);
    around(&mut stream, 5);
    around(&mut stream, 6);
    stream.exit(813);
    assert_eq!(last(&stream).surroundings.unwrap().sysv_shm_bytes, Some(5));
}

/// The stack of an incident whose names come 0.5 s after the victim's exit.
fn named_late(is_announced: bool) -> Option<Vec<String>> {
    let mut stream = Stream::with(&known());
    let hog = task(812);
    stream.global_oom(hog).choose(hog, MESSAGE, NONE, 130_000).add(stack(&[1, 2]));
    if is_announced {
        stream.context(Kind::KernelSymbols, &KernelSymbols { more: true, ..KernelSymbols::default() });
    }
    stream.execute(hog, hog).leave(1, 1).exit(812).tick(500 * MS);
    stream.context(Kind::KernelSymbols, &symbols(&[(1, "out_of_memory", None), (2, "copy_process", None)]));
    stream.tick(5000 * MS);
    report(&last(&stream)).allocation.stack
}

#[test]
fn waits_for_names_only_if_they_follow() {
    assert_eq!(named_late(true), Some(vec!["copy_process+0x5/0x9".to_owned()]));
    assert_eq!(named_late(false), None);
}

/// The file and the function of the innermost call in user space, whose name comes some time after the victim's exit.
fn function_named_after(ms: u64) -> (Option<ByteString>, Option<String>) {
    let mut stream = Stream::with(&known());
    let hog = task(812);
    stream.global_oom(hog).choose(hog, MESSAGE, NONE, 130_000).add(stack(&[1]));
    let call = |symbol: Option<&str>| UserSymbol {
        build_id: "9d3b".to_owned(),
        offset: 0xbf5b0,
        file: Some("/usr/bin/hog".into()),
        symbol: symbol.map(str::to_owned),
        ..UserSymbol::default()
    };
    let named = |symbol, more| UserSymbols { pid: 812, symbols: vec![call(symbol)], more };
    let pass = stream.pass;
    stream.context(Kind::UserSymbols, &named(None, true)).execute(hog, hog).leave(1, 1);
    stream.context(Kind::KernelSymbols, &symbols(&[(1, "try_charge", None)]));
    around(&mut stream, 4);
    stream.exit(812).tick(ms * MS);
    stream.pass = pass;
    stream.context(Kind::UserSymbols, &named(Some("touch"), false)).tick(MS);
    let innermost = report(&last(&stream)).allocation.user_stack.unwrap().swap_remove(0);
    (innermost.file, innermost.symbol)
}

#[test]
fn waits_two_seconds_for_the_names_of_functions_that_follow() {
    let file = Some(ByteString::from("/usr/bin/hog"));
    assert_eq!(function_named_after(50), (file.clone(), Some("touch".to_owned())));
    assert_eq!(function_named_after(1_900), (file.clone(), Some("touch".to_owned())));
    assert_eq!(function_named_after(2_100), (file, None));
}

//! Zones and nodes of a decision, from the kernel side or from procfs, and the facts that were read with them.

use std::{collections::BTreeMap, rc::Rc};

use oomtrace_common::event as wire;

use super::Assembler;
use crate::{
    bytes::ByteString,
    context::{Meminfo, SURROUNDINGS_NS, Surroundings, Zones},
    event,
    incident::{CallTrace, FreeBlocks, Incident, MemoryState, Node, StateSource, Zone},
    kernel::facts::MemoryNames,
};

/// Facts about a decision that arrive before its incident exists.
#[derive(Clone, Debug, Default)]
pub(super) struct Shortage {
    pub(super) memory_state: Option<Rc<MemoryState>>,
    pub(super) node_masks: BTreeMap<i32, u32>,
    pub(super) call_trace: Option<CallTrace>,
}

/// Maximum number of zones and nodes that are kept. A tracer sends no more.
const MOST: usize = 256;

impl Assembler {
    /// Takes facts about a shortage.
    pub(super) fn take_shortage(&mut self, boot_ns: u64, pass: Option<u64>, told: event::Shortage) {
        match told {
            event::Shortage::Zone(zone) => self.take_zone(boot_ns, pass, &zone),
            event::Shortage::Node(node) => self.take_node(boot_ns, pass, &node),
            event::Shortage::Stack(stack) => self.take_stack(pass, &stack),
            event::Shortage::Zones(zones) => self.take_zones(pass, zones),
            event::Shortage::Meminfo(meminfo) => self.take_meminfo(pass, meminfo),
            event::Shortage::Surroundings(told) => self.take_surroundings(pass, told),
            event::Shortage::KernelSymbols(told) => self.take_kernel_symbols(pass, &told),
            event::Shortage::UserSymbols(told) => self.take_user_symbols(pass, &told),
        }
    }

    /// Returns the place where the state of a pass is kept: its incident, or the waiting facts until the incident exists.
    fn state_of(&mut self, pass: u64) -> (&mut MemoryState, &mut BTreeMap<i32, u32>) {
        let open = self.open.iter_mut().find(|incident| incident.pass == Some(pass));
        let (state, masks) = match open {
            Some(incident) => (&mut incident.memory_state, &mut incident.node_masks),
            None => {
                let waiting = self.memory.shortage_of(pass);
                (&mut waiting.memory_state, &mut waiting.node_masks)
            }
        };
        (Rc::make_mut(state.get_or_insert_default()), masks)
    }

    fn take_zone(&mut self, boot_ns: u64, pass: Option<u64>, zone: &wire::Zone) {
        let Some(pass) = pass else { return };
        let session = self.session.clone();
        let names = session.as_deref().map(|session| &session.facts.memory);
        let (state, _) = self.state_of(pass);
        if state.zones.is_empty() {
            state.read_ns = boot_ns;
        }
        if state.zones.len() < MOST {
            state.zones.push(zone_of(zone, names));
        }
        let sent = u32::try_from(state.zones.len()).unwrap_or(u32::MAX);
        state.zones_left_out = u32::from(zone.zones).saturating_sub(sent);
    }

    fn take_node(&mut self, boot_ns: u64, pass: Option<u64>, node: &wire::Node) {
        let Some(pass) = pass else { return };
        let Some(session) = self.session.clone() else { return };
        let (state, masks) = self.state_of(pass);
        if state.zones.is_empty() && state.nodes.is_empty() {
            state.read_ns = boot_ns;
        }
        masks.insert(node.node, node.flags);
        if state.nodes.len() < MOST && state.nodes.iter().all(|known| known.node != node.node) {
            let names = &session.facts.memory.node_stat_item;
            let counters = node_counters(read(&node.vm_stat, node.counters), names, session.page_size);
            state.nodes.push(Node { node: node.node, counters });
        }
    }

    /// Takes the zones and nodes that procfs showed after a mark, or after a pass for which the kernel side sent none.
    fn take_zones(&mut self, pass: Option<u64>, told: Zones) {
        let Some(incident) = self.incident_of(pass) else { return };
        let state = Rc::make_mut(incident.memory_state.get_or_insert_default());
        if state.zones.is_empty() {
            let Zones { read_ns, zones, zones_left_out, nodes } = told;
            (state.source, state.read_ns) = (StateSource::Procfs, read_ns);
            (state.zones, state.zones_left_out, state.nodes) = (zones, zones_left_out, nodes);
        }
    }

    fn take_meminfo(&mut self, pass: Option<u64>, told: Meminfo) {
        let Some(incident) = self.incident_of(pass) else { return };
        let state = Rc::make_mut(incident.memory_state.get_or_insert_default());
        if state.meminfo.is_some() {
            return;
        }
        if state.zones.is_empty() && state.nodes.is_empty() {
            (state.source, state.read_ns) = (StateSource::Procfs, told.read_ns);
        }
        state.swap_total_bytes = told.meminfo.get("SwapTotal").copied();
        state.swap_free_bytes = told.meminfo.get("SwapFree").copied();
        state.meminfo = Some(told.meminfo);
    }

    /// Takes surroundings.
    /// One reading serves all decisions at about that time, so that fast decisions cause no further readings. Surroundings
    /// that were read after a decision replace those that were read before it.
    fn take_surroundings(&mut self, pass: Option<u64>, told: Surroundings) {
        let told = Rc::new(told);
        let read_before = |incident: &Incident| {
            incident.surroundings.as_ref().is_none_or(|known| known.read_ns < incident.boot_ns)
        };
        for incident in self.open.iter_mut().filter(|incident| read_before(incident)) {
            if is_near(&told, incident.boot_ns) {
                incident.surroundings = Some(Rc::clone(&told));
            }
        }
        if let Some(incident) = self.incident_of(pass).filter(|incident| incident.surroundings.is_none()) {
            incident.surroundings = Some(Rc::clone(&told));
        }
        self.memory.keep_surroundings(told);
    }

    /// Returns the incident that a reading after a decision belongs to: the one of the pass, or the last one without a pass.
    pub(super) fn incident_of(&mut self, pass: Option<u64>) -> Option<&mut Incident> {
        self.open.iter_mut().rev().find(|incident| incident.pass == pass)
    }
}

/// Whether surroundings were read at about that time.
pub(super) const fn is_near(surroundings: &Surroundings, boot_ns: u64) -> bool {
    surroundings.read_ns.abs_diff(boot_ns) < SURROUNDINGS_NS
}

/// Returns the nodes that the allocation may use; `None` if it may use all, or if they are not known.
/// A cpuset confines only allocations with `__GFP_HARDWALL`.
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/cgroup/cpuset.c#L3935> (`cpuset_node_allowed`)
pub(super) fn allowed_nodes(incident: &Incident) -> Option<Vec<i32>> {
    let (session, request) = incident.session.as_ref().zip(incident.request)?;
    let masks = &incident.node_masks;
    let confined = session.facts.has(request.gfp_mask, "__GFP_HARDWALL");
    let may = |flags: u32| {
        let has = |bit| flags & bit != 0;
        (!has(wire::Node::NODEMASK) || has(wire::Node::IN_NODEMASK))
            && (!confined || !has(wire::Node::MEMS_ALLOWED) || has(wire::Node::IN_MEMS_ALLOWED))
    };
    let allowed: Vec<i32> = masks.iter().filter(|(_, flags)| may(**flags)).map(|(node, _)| *node).collect();
    (allowed.len() < masks.len()).then_some(allowed)
}

/// Completes the state with facts that need the whole incident: the highest zone and the nodes that the allocation may use.
pub(super) fn complete(incident: &mut Incident) {
    let (Some(session), Some(request)) = (incident.session.clone(), incident.request) else { return };
    let allowed = allowed_nodes(incident);
    let Some(state) = incident.memory_state.as_mut().map(Rc::make_mut) else { return };
    if state.zones.is_empty() {
        return;
    }
    state.class = session.facts.class(request.gfp_mask);
    state.allowed_nodes = allowed;
    let told = |zone: &&Zone| state.nodes.iter().all(|node| node.node != zone.node);
    let mut missing: Vec<i32> = state.zones.iter().filter(told).map(|zone| zone.node).collect();
    missing.sort_unstable();
    missing.dedup();
    state.nodes_left_out = u32::try_from(missing.len()).unwrap_or(u32::MAX);
}

fn zone_of(zone: &wire::Zone, names: Option<&MemoryNames>) -> Zone {
    let has = |bit, value| (zone.present & bit != 0).then_some(value);
    let nothing = MemoryNames::default();
    let names = names.unwrap_or(&nothing);
    let watermarks = read(&zone.watermark, zone.watermarks);
    let watermark = |name| names.watermark(name).and_then(|at| watermarks.get(at)).copied();
    let counters = counters(read(&zone.vm_stat, zone.counters), &names.zone_stat_item);
    Zone {
        node: zone.node,
        name: ByteString::until_nul(&zone.name).to_words(),
        index: u32::try_from(zone.index).unwrap_or(0),
        free_pages: counters.get("nr_free_pages").copied().unwrap_or(0),
        min_pages: watermark("WMARK_MIN"),
        low_pages: watermark("WMARK_LOW"),
        high_pages: watermark("WMARK_HIGH"),
        boost_pages: has(wire::Zone::BOOST, zone.boost_pages),
        reserve_pages: read(&zone.reserve, zone.classes).to_vec(),
        managed_pages: has(wire::Zone::MANAGED, zone.managed_pages),
        present_pages: has(wire::Zone::PRESENT, zone.present_pages),
        cma_free_pages: counters.get("nr_free_cma_pages").copied(),
        highatomic_pages: has(wire::Zone::RESERVED_HIGHATOMIC, zone.reserved_highatomic_pages),
        percpu_pages: has(wire::Zone::PERCPU, u64::try_from(zone.percpu_pages).unwrap_or(0)),
        free_blocks: free_blocks(zone, &names.migratetype),
        counters,
    }
}

fn free_blocks(zone: &wire::Zone, names: &[String]) -> Vec<FreeBlocks> {
    let types = |bits: u16| {
        let has = |(at, _): &(usize, &String)| {
            bits.checked_shr(u32::try_from(*at).unwrap_or(16)).unwrap_or(0) & 1 != 0
        };
        let lower = |(_, name): (usize, &String)| name.trim_start_matches("MIGRATE_").to_lowercase();
        names.iter().enumerate().filter(has).map(lower).collect()
    };
    let orders = read(&zone.free_blocks, zone.orders).iter().zip(&zone.free_types);
    orders
        .map(|(count, bits)| FreeBlocks { count: *count, types: (!names.is_empty()).then(|| types(*bits)) })
        .collect()
}

/// Names the counters, in lower case. A counter may be negative for a moment; it then counts as zero, as in the kernel.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/vmstat.h#L216>
fn counters(values: &[i64], names: &[String]) -> BTreeMap<String, u64> {
    let named = names.iter().zip(values).filter(|(name, _)| name.starts_with("NR_"));
    named.map(|(name, value)| (name.to_lowercase(), u64::try_from(*value).unwrap_or(0))).collect()
}

/// Returns a node's counters in bytes. The kernel stores the counters in pages, and kernel stacks in KiB.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/mmzone.h#L175>
fn node_counters(values: &[i64], names: &[String], page_size: u64) -> BTreeMap<String, u64> {
    let mut counters = counters(values, names);
    for (name, value) in &mut counters {
        *value = value.saturating_mul(if name.ends_with("_kb") { 1024 } else { page_size });
    }
    counters
}

/// Returns the part of an array that was read.
fn read<T>(array: &[T], count: impl Into<u32>) -> &[T] {
    let count = usize::try_from(count.into()).unwrap_or(usize::MAX);
    array.get(..count).unwrap_or(array)
}

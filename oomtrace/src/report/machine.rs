//! The machine's memory at the decision, as in the JSON. Sizes are in bytes, and names are the kernel's own.

use serde::{Serialize, Serializer, ser::SerializeMap as _};

use crate::{
    account,
    bytes::ByteString,
    incident::{self, Incident, MemoryState, Surroundings},
};

/// The machine's memory at the decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// The source of zones and nodes: "decision" if the eBPF side read them, "procfs" if user space read them right after.
    pub source: Option<&'static str>,
    /// Time from the decision to the reading, ns.
    pub read_ns: Option<u64>,
    /// All memory that the page allocator manages.
    pub managed_bytes: Option<u64>,
    /// Free memory of all zones.
    pub free_bytes: Option<u64>,
    /// Free memory on the per-CPU lists, which is not part of `free_bytes`.
    pub percpu_lists_bytes: Option<u64>,
    /// Swap space.
    pub swap: Swap,
    /// The nodes' counters.
    pub nodes: Vec<Node>,
    /// Number of nodes that did not fit.
    pub nodes_left_out: u32,
    /// The zones.
    pub zones: Vec<Zone>,
    /// Number of zones that did not fit.
    pub zones_left_out: u32,
    /// Pools of huge pages.
    pub huge_pages: Option<Vec<HugePages>>,
    /// tmpfs mounts, the fullest first.
    pub tmpfs: Option<Vec<Tmpfs>>,
    /// Resident System V shared memory.
    pub sysv_shm_bytes: Option<u64>,
    /// The largest slab caches, the largest first.
    pub slabs: Option<Vec<Slab>>,
}

/// Swap space.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swap {
    /// Total swap space.
    pub total_bytes: Option<u64>,
    /// Free swap space.
    pub free_bytes: Option<u64>,
    /// Devices and files.
    pub devices: Option<Vec<SwapDevice>>,
}

/// A swap device or file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SwapDevice {
    /// Its path.
    pub name: ByteString,
    /// Its size.
    pub size_bytes: u64,
    /// The used part.
    pub used_bytes: u64,
    /// The priority. The kernel uses the highest priority first.
    pub priority: i32,
}

/// A node and its counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its number.
    pub node: i32,
    /// The counters in bytes, by the kernel's name in lower case with the suffix `_bytes`.
    pub counters: Vec<(String, u64)>,
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.counters.len().saturating_add(1)))?;
        map.serialize_entry("node", &self.node)?;
        for (name, bytes) in &self.counters {
            map.serialize_entry(name, bytes)?;
        }
        map.end()
    }
}

/// A zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Zone {
    /// Its node.
    pub node: i32,
    /// The kernel's name.
    pub name: String,
    /// Whether this allocation may use it.
    pub usable: Option<bool>,
    /// Memory that the page allocator manages.
    pub managed_bytes: Option<u64>,
    /// Memory that exists.
    pub present_bytes: Option<u64>,
    /// Free memory.
    pub free_bytes: u64,
    /// The minimum watermark.
    pub min_bytes: Option<u64>,
    /// The low watermark.
    pub low_bytes: Option<u64>,
    /// The high watermark.
    pub high_bytes: Option<u64>,
    /// The temporary boost of each watermark.
    pub boost_bytes: Option<u64>,
    /// Memory kept back from allocations of this class (`lowmem_reserve`).
    pub reserve_bytes: Option<u64>,
    /// Free memory of the contiguous memory allocator.
    pub cma_free_bytes: Option<u64>,
    /// Memory reserved for atomic allocations.
    pub highatomic_bytes: Option<u64>,
    /// Free memory on the per-CPU lists.
    pub percpu_lists_bytes: Option<u64>,
    /// Free blocks by order, order 0 first.
    pub free_blocks: Vec<u64>,
    /// The migrate types that have a free block, by order.
    pub free_block_types: Option<Vec<Vec<String>>>,
}

/// A pool of huge pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HugePages {
    /// Bytes of one page.
    pub size_bytes: u64,
    /// The node; `None` for all nodes together.
    pub node: Option<i32>,
    /// Pages in the pool.
    pub total: u64,
    /// Free pages.
    pub free: u64,
    /// Free pages that are reserved for a mapping.
    pub reserved: Option<u64>,
    /// Pages beyond the configured size.
    pub surplus: Option<u64>,
}

/// A tmpfs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tmpfs {
    /// The mount point.
    pub mount: ByteString,
    /// Its usage.
    pub used_bytes: u64,
    /// Its size limit.
    pub size_bytes: Option<u64>,
}

/// A slab cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Slab {
    /// Its name.
    pub name: String,
    /// Bytes of its slabs.
    pub bytes: u64,
    /// Whether reclaim can shrink it.
    pub reclaimable: Option<bool>,
}

/// Returns the machine's memory, or `None` if nothing was read.
pub(super) fn machine(incident: &Incident) -> Option<Machine> {
    let (state, around) = (incident.memory_state.as_deref(), incident.surroundings.as_deref());
    if state.is_none() && around.is_none() {
        return None;
    }
    let machine = state.map(|state| of_state(incident, state)).unwrap_or_default();
    Some(around.map(|around| beside(machine.clone(), around)).unwrap_or(machine))
}

fn of_state(incident: &Incident, state: &MemoryState) -> Machine {
    let bytes = |pages: u64| pages.saturating_mul(incident.page_size());
    let sum = |of: &dyn Fn(&incident::Zone) -> Option<u64>| {
        state.zones.iter().filter_map(of).reduce(u64::saturating_add).map(bytes)
    };
    let line = |name: &str| state.meminfo.as_ref().and_then(|meminfo| meminfo.get(name).copied());
    let swap = account::Swap::of_machine(incident);
    let is_read = !state.zones.is_empty() || !state.nodes.is_empty();
    Machine {
        source: is_read.then(|| state.source.name()),
        read_ns: is_read.then(|| state.read_ns.saturating_sub(incident.boot_ns)),
        managed_bytes: sum(&|zone| zone.managed_pages).or_else(|| line("MemTotal")),
        free_bytes: sum(&|zone| Some(zone.free_pages)).or_else(|| line("MemFree")),
        percpu_lists_bytes: sum(&|zone| zone.percpu_pages),
        swap: Swap { total_bytes: swap.total, free_bytes: swap.free, devices: None },
        nodes: state.nodes.iter().map(node).collect(),
        nodes_left_out: state.nodes_left_out,
        zones: state.zones.iter().map(|zone| self::zone(incident, state, zone)).collect(),
        zones_left_out: state.zones_left_out,
        ..Machine::default()
    }
}

/// Converts a node. The kernel marks the unit of some counters in their names (`_B`, `_KB`), but here all are in bytes.
fn node(node: &incident::Node) -> Node {
    let name = |name: &str| {
        let bare = name.strip_suffix("_kb").or_else(|| name.strip_suffix("_b")).unwrap_or(name);
        format!("{bare}_bytes")
    };
    let counters = node.counters.iter().map(|(key, bytes)| (name(key), *bytes)).collect();
    Node { node: node.node, counters }
}

fn zone(incident: &Incident, state: &MemoryState, zone: &incident::Zone) -> Zone {
    let bytes = |pages: u64| pages.saturating_mul(incident.page_size());
    let class = state.class.and_then(|class| usize::try_from(class).ok());
    let types: Option<Vec<Vec<String>>> =
        zone.free_blocks.iter().map(|blocks| blocks.types.clone()).collect();
    Zone {
        node: zone.node,
        name: zone.name.clone(),
        usable: account::may_use(state, zone),
        managed_bytes: zone.managed_pages.map(bytes),
        present_bytes: zone.present_pages.map(bytes),
        free_bytes: bytes(zone.free_pages),
        min_bytes: zone.min_pages.map(bytes),
        low_bytes: zone.low_pages.map(bytes),
        high_bytes: zone.high_pages.map(bytes),
        boost_bytes: zone.boost_pages.map(bytes),
        reserve_bytes: class.and_then(|class| zone.reserve_pages.get(class).copied()).map(bytes),
        cma_free_bytes: zone.cma_free_pages.map(bytes),
        highatomic_bytes: zone.highatomic_pages.map(bytes),
        percpu_lists_bytes: zone.percpu_pages.map(bytes),
        free_blocks: zone.free_blocks.iter().map(|blocks| blocks.count).collect(),
        free_block_types: types.filter(|types| !types.is_empty()),
    }
}

/// Adds the figures that were read beside zones and nodes.
fn beside(machine: Machine, around: &Surroundings) -> Machine {
    let device = |device: &incident::SwapDevice| SwapDevice {
        name: device.name.clone(),
        size_bytes: device.size_bytes,
        used_bytes: device.used_bytes,
        priority: device.priority,
    };
    let devices = around.swaps.as_ref().map(|swaps| swaps.iter().map(device).collect());
    Machine {
        swap: Swap { devices, ..machine.swap },
        huge_pages: around.huge_pools.as_ref().map(|pools| pools.iter().map(huge_pages).collect()),
        tmpfs: around.tmpfs.as_ref().map(|mounts| mounts.iter().map(tmpfs).collect()),
        sysv_shm_bytes: around.sysv_shm_bytes,
        slabs: around.slabs.as_ref().map(|slabs| slabs.iter().map(slab).collect()),
        ..machine
    }
}

const fn huge_pages(pool: &incident::HugePool) -> HugePages {
    let incident::HugePool { size_bytes, node, total, free, reserved, surplus } = *pool;
    HugePages { size_bytes, node, total, free, reserved, surplus }
}

fn tmpfs(mount: &incident::Tmpfs) -> Tmpfs {
    Tmpfs { mount: mount.mount.clone(), used_bytes: mount.used_bytes, size_bytes: mount.size_bytes }
}

fn slab(slab: &incident::Slab) -> Slab {
    Slab { name: slab.name.clone(), bytes: slab.bytes, reclaimable: slab.reclaimable }
}

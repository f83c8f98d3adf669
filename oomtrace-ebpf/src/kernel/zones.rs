//! Zones and nodes: the distribution of memory when the allocation failed.
//!
//! The `extern "C"` functions are global functions for the verifier. They take only numbers, so that the verifier walks each of
//! them once, and not once for each of 64 zones.
//! <https://docs.kernel.org/bpf/verifier.html>

use aya_ebpf::{helpers::generated::bpf_probe_read_kernel, macros::map, maps::Array};
use oomtrace_common::{
    event::{Node, Zone},
    frame::{FrameHeader, Kind},
    layout::ABSENT,
    limits::{
        COUNTER_CPUS, MIGRATE_TYPES, NODE_COUNTERS, NODES, ZONE_COUNTERS, ZONE_NAME_BYTES, ZONE_ORDERS,
        ZONES, ZONES_COUNTED,
    },
};

use super::{
    layout::{slot, value},
    read::{Address, NOTHING, Probed, Read, present, value},
    task,
};
use crate::emit::{self, Framed, now};

/// Size of `struct list_head` in bytes. Its first word points to the next element, or to the list itself if the list is empty.
const LIST_HEAD_BYTES: usize = 16;

/// Size of the largest `zone->free_area[]` in bytes: for each order the lists and a count.
const FREE_AREA_BYTES: usize = ZONE_ORDERS * (MIGRATE_TYPES * LIST_HEAD_BYTES + 8);

/// Number of bytes of a frame before its last array.
const ZONE_HEAD_BYTES: u64 = (size_of::<Framed<Zone>>() - ZONE_COUNTERS * 8) as u64;
const NODE_HEAD_BYTES: u64 = (size_of::<Framed<Node>>() - NODE_COUNTERS * 8) as u64;

/// Space for the frames, which do not fit on the stack. One element is enough, because there is one pass at a time.
#[repr(C)]
struct Scratch {
    zone: Framed<Zone>,
    node: Framed<Node>,
    free_area: [u8; FREE_AREA_BYTES],
}

#[map]
static MEMORY: Array<Scratch> = Array::with_max_entries(1, 0);

#[inline(always)]
fn scratch() -> Option<&'static mut Scratch> {
    // SAFETY: this is an element of the map and lives as long as the program. Only the hooks inside the pass use it.
    MEMORY.get_ptr_mut(0).map(|scratch| unsafe { &mut *scratch })
}

#[inline(always)]
fn at(address: u64) -> Address {
    core::ptr::without_provenance(address as usize)
}

/// Sends each zone of `oc->zonelist` and each node with such a zone.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn send_memory_state(oc: u64, pass: u64) -> u64 {
    let (refs, size, zone_at) = (slot!(zonelist_zonerefs), slot!(zoneref_size), slot!(zoneref_zone));
    if refs == ABSENT || size == ABSENT || zone_at == ABSENT {
        return 0;
    }
    let zonelist = Probed::follow(at(oc), slot!(oom_control_zonelist));
    if zonelist.is_null() {
        return 0;
    }
    let first = zonelist.addr() as u64 + u64::from(refs);
    let nodemask = pointer(at(oc), slot!(oom_control_nodemask));
    let zones = count_zones(first);
    let mut last = 0;
    for position in 0..ZONES {
        let zoneref = at(first + u64::from(position) * u64::from(size));
        let zone = pointer(zoneref, zone_at);
        if zone == 0 {
            break;
        }
        let (index, _) = value::<Probed, u32>(zoneref, slot!(zoneref_zone_idx));
        send_zone(zone, u64::from(index), u64::from(position) << 32 | zones, pass);
        let pgdat = pointer(at(zone), slot!(zone_zone_pgdat));
        if pgdat != last {
            last = pgdat;
            send_node(pgdat, nodemask, pass);
        }
    }
    0
}

/// Counts the zones of a zonelist.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn count_zones(first: u64) -> u64 {
    let mut zones = 0;
    for _ in 0..ZONES_COUNTED {
        let zoneref = at(first + zones * u64::from(slot!(zoneref_size)));
        if pointer(zoneref, slot!(zoneref_zone)) == 0 {
            break;
        }
        zones += 1;
    }
    zones
}

/// Returns the pointer at an offset as a number, or 0 if the offset is absent.
#[inline(always)]
fn pointer(base: Address, offset: u32) -> u64 {
    if offset == ABSENT { 0 } else { value::<Probed, u64>(base, offset).0 }
}

/// Sends one zone. The upper half of `place` is its position in the zonelist, and the lower half is the number of zones in the
/// list.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn send_zone(zone: u64, index: u64, place: u64, pass: u64) -> u64 {
    let Some(Scratch { zone: frame, free_area, .. }) = scratch() else { return 0 };
    let zone = at(zone);
    let out = &mut frame.event;
    out.node = 0;
    Probed::copy_optional(zone, slot!(zone_node), &mut out.node);
    out.index = index as i32;
    out.position = (place >> 32) as u16;
    out.zones = place as u16;
    copy_numbers(zone, out);
    out.watermarks = copy_longs(
        zone,
        slot!(zone_watermark),
        slot!(zone_watermarks),
        out.watermark.as_mut_ptr(),
        out.watermark.len(),
    );
    out.classes = copy_longs(
        zone,
        slot!(zone_lowmem_reserve),
        slot!(zone_classes),
        out.reserve.as_mut_ptr(),
        out.reserve.len(),
    );
    out.counters = copy_longs(
        zone,
        slot!(zone_vm_stat),
        slot!(zone_counters),
        out.vm_stat.as_mut_ptr().cast(),
        out.vm_stat.len(),
    );
    copy_free_blocks(zone, free_area, out);
    let bytes = ZONE_HEAD_BYTES + u64::from(slot!(zone_counters).min(ZONE_COUNTERS as u32)) * 8;
    frame.header = header(Kind::Zone, bytes, pass);
    emit::copy_out((&raw const *frame).cast(), bytes, Kind::Zone);
    0
}

#[inline(always)]
fn header(kind: Kind, bytes: u64, pass: u64) -> FrameHeader {
    FrameHeader {
        kind: kind.number(),
        reserved: 0,
        len: (bytes - size_of::<FrameHeader>() as u64) as u32,
        boot_ns: now(),
        pass,
    }
}

/// Copies the name and the fields that are single numbers.
#[inline(always)]
fn copy_numbers(zone: Address, out: &mut Zone) {
    let mut name = NOTHING;
    if slot!(zone_name) != ABSENT {
        let text = Probed::follow(zone, slot!(zone_name));
        // SAFETY: the helper checks the address and writes at most the bytes of the array.
        name = unsafe {
            aya_ebpf::helpers::generated::bpf_probe_read_kernel_str(
                out.name.as_mut_ptr().cast(),
                const { ZONE_NAME_BYTES as u32 },
                text,
            )
        };
    }
    let boost = Probed::copy_optional(zone, slot!(zone_watermark_boost), &mut out.boost_pages);
    let reserved =
        Probed::copy_optional(zone, slot!(zone_nr_reserved_highatomic), &mut out.reserved_highatomic_pages);
    let free = Probed::copy_optional(zone, slot!(zone_nr_free_highatomic), &mut out.free_highatomic_pages);
    let managed = Probed::copy_optional(zone, slot!(zone_managed_pages), &mut out.managed_pages);
    let exist = Probed::copy_optional(zone, slot!(zone_present_pages), &mut out.present_pages);
    out.present = present(Zone::NAME, name)
        | present(Zone::BOOST, boost)
        | present(Zone::RESERVED_HIGHATOMIC, reserved)
        | present(Zone::FREE_HIGHATOMIC, free)
        | present(Zone::MANAGED, managed)
        | present(Zone::PRESENT, exist)
        | present(Zone::PERCPU, copy_percpu(zone, &mut out.percpu_pages));
}

/// Adds up the pages on the lists of all CPUs, like the kernel's own report.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/show_mem.c#L187>
#[inline(always)]
fn copy_percpu(zone: Address, out: &mut i64) -> i64 {
    let offsets = value!(per_cpu_offset);
    if offsets == 0 || slot!(zone_pageset) == ABSENT || slot!(pageset_count) == ABSENT {
        return NOTHING;
    }
    let (pageset, mut status) = value::<Probed, u64>(zone, slot!(zone_pageset));
    let (cpus, mut sum) = (value!(cpus), 0);
    for cpu in 0..COUNTER_CPUS {
        if cpu >= cpus {
            break;
        }
        let (base, base_status) = value::<Probed, u64>(at(offsets + u64::from(cpu) * 8), 0);
        let (count, count_status) =
            value::<Probed, i32>(at(base.wrapping_add(pageset)), slot!(pageset_count));
        status |= base_status | count_status;
        sum += i64::from(count);
    }
    *out = sum;
    status
}

/// Copies a whole array of 8-byte integers, and returns its length, or 0 if it could not be read.
#[inline(always)]
fn copy_longs(base: Address, offset: u32, length: u32, out: *mut u64, room: usize) -> u16 {
    if offset == ABSENT || length == ABSENT {
        return 0;
    }
    let length = length.min(room as u32);
    let from = base.cast::<u8>().wrapping_add(offset as usize);
    // SAFETY: the caller's array has `room` elements, and the helper checks the address.
    let status = unsafe { bpf_probe_read_kernel(out.cast(), length * 8, from.cast()) };
    present(length, status) as u16
}

/// Copies the whole `zone->free_area[]`, and takes from it each order's count and a mask of the lists that are not empty.
#[inline(always)]
fn copy_free_blocks(zone: Address, free_area: &mut [u8; FREE_AREA_BYTES], out: &mut Zone) {
    let (offset, size, count_at) = (slot!(zone_free_area), slot!(free_area_size), slot!(free_area_nr_free));
    let (lists_at, orders) = (slot!(free_area_free_list), slot!(zone_orders).min(ZONE_ORDERS as u32));
    out.orders = 0;
    if offset == ABSENT || size == ABSENT || count_at == ABSENT || lists_at == ABSENT {
        return;
    }
    let bytes = orders * size;
    if bytes > FREE_AREA_BYTES as u32 {
        return;
    }
    let from = zone.cast::<u8>().wrapping_add(offset as usize);
    // SAFETY: the buffer has at least `bytes` bytes, and the helper checks the address.
    let status = unsafe { bpf_probe_read_kernel(free_area.as_mut_ptr().cast(), bytes, from.cast()) };
    if status != 0 {
        return;
    }
    for order in 0..ZONE_ORDERS as u32 {
        if order >= orders {
            break;
        }
        let (start, index) = (order * size, order as usize);
        if let (Some(count), Some(types)) = (out.free_blocks.get_mut(index), out.free_types.get_mut(index)) {
            *count = word(free_area, start + count_at);
            *types = free_types(from.addr() as u64, free_area, start + lists_at);
        }
    }
    out.orders = orders as u16;
}

/// Returns a bit for each list that has an element. An empty list points to itself. This is computed without a branch.
#[inline(always)]
fn free_types(base: u64, free_area: &[u8; FREE_AREA_BYTES], start: u32) -> u16 {
    let mut types = 0;
    for migrate_type in 0..MIGRATE_TYPES as u32 {
        if migrate_type >= slot!(free_area_types) {
            break;
        }
        let list = start + migrate_type * LIST_HEAD_BYTES as u32;
        let difference = word(free_area, list) ^ (base + u64::from(list));
        let has_block = (difference | difference.wrapping_neg()) >> 63;
        types |= has_block << migrate_type;
    }
    types as u16
}

/// Returns 8 bytes of the buffer, or 0 after its end.
#[inline(always)]
fn word(buffer: &[u8; FREE_AREA_BYTES], start: u32) -> u64 {
    if start > (FREE_AREA_BYTES - 8) as u32 {
        return 0;
    }
    // SAFETY: the bytes are inside the buffer, as just checked, and aligned: the buffer is a copy of the kernel's structure,
    // whose words are at multiples of 8.
    unsafe { core::ptr::read_volatile(buffer.as_ptr().add(start as usize).cast::<u64>()) }
}

/// Sends one node.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn send_node(pgdat: u64, nodemask: u64, pass: u64) -> u64 {
    let Some(Scratch { node: frame, .. }) = scratch() else { return 0 };
    let pgdat = at(pgdat);
    let out = &mut frame.event;
    out.node = 0;
    Probed::copy_optional(pgdat, slot!(pglist_data_node_id), &mut out.node);
    out.reserved = 0;
    out.flags = masks(out.node as u32, nodemask);
    out.counters = u32::from(copy_longs(
        pgdat,
        slot!(pglist_data_vm_stat),
        slot!(pglist_data_counters),
        out.vm_stat.as_mut_ptr().cast(),
        out.vm_stat.len(),
    ));
    let bytes = NODE_HEAD_BYTES + u64::from(slot!(pglist_data_counters).min(NODE_COUNTERS as u32)) * 8;
    frame.header = header(Kind::Node, bytes, pass);
    emit::copy_out((&raw const *frame).cast(), bytes, Kind::Node);
    0
}

/// Returns the bits that say whether the node is in the allocation's memory policy and in the trigger's cpuset.
#[inline(always)]
fn masks(node: u32, nodemask: u64) -> u32 {
    let mut flags = 0;
    if nodemask != 0 {
        flags |= Node::NODEMASK;
        flags |= if is_set(nodemask, node) { Node::IN_NODEMASK } else { 0 };
    }
    if slot!(task_struct_mems_allowed) != ABSENT {
        let allowed = task::current().addr() as u64 + u64::from(slot!(task_struct_mems_allowed));
        flags |= Node::MEMS_ALLOWED;
        flags |= if is_set(allowed, node) { Node::IN_MEMS_ALLOWED } else { 0 };
    }
    flags
}

#[inline(always)]
fn is_set(mask: u64, node: u32) -> bool {
    if node >= NODES {
        return false;
    }
    let (word, _) = value::<Probed, u64>(at(mask + u64::from(node / 64) * 8), 0);
    word >> (node % 64) & 1 != 0
}

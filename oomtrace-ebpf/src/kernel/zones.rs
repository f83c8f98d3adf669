//! Zones and nodes: the distribution of memory when the allocation failed.
//!
//! The `extern "C"` functions are global functions for the verifier. They take only numbers, so that the verifier walks each of
//! them once, and not once for each of 64 zones, 256 positions or 16 orders.
//! <https://docs.kernel.org/bpf/verifier.html>

use aya_ebpf::{helpers::generated::bpf_probe_read_kernel, macros::map, maps::Array};
use oomtrace_common::{
    event::{Node, Zone},
    frame::{FrameHeader, Kind},
    layout::ABSENT,
    limits::{
        MIGRATE_TYPES, NODE_COUNTERS, NODES, ZONE_COUNTERS, ZONE_NAME_BYTES, ZONE_ORDERS, ZONES,
        ZONES_COUNTED,
    },
};

use super::{
    layout::{slot, value},
    percpu,
    read::{Address, NOTHING, Probed, Read, at, present, value},
    task,
};
use crate::emit::{self, Framed, now};

/// Size of `struct list_head` in bytes. Its first word points to the next element, or to the list itself if the list is empty.
const LIST_HEAD_BYTES: usize = 16;

/// Size of the largest `zone->free_area[]` in bytes: for each order the lists and a count.
const FREE_AREA_BYTES: usize = ZONE_ORDERS * (MIGRATE_TYPES * LIST_HEAD_BYTES + 8);

/// Number of positions of a zonelist that one call counts: the root of [`ZONES_COUNTED`], with which the verifier walks the fewest.
const COUNTED_AT_ONCE: u32 = 16;

/// Number of bytes of a frame before its last array.
const ZONE_HEAD_BYTES: u64 = (size_of::<Framed<Zone>>() - ZONE_COUNTERS * 8) as u64;
const NODE_HEAD_BYTES: u64 = (size_of::<Framed<Node>>() - NODE_COUNTERS * 8) as u64;

/// Space for the frames, which do not fit on the stack. One element is enough, because there is one pass at a time.
#[repr(C)]
struct Scratch {
    zone: Framed<Zone>,
    node: Framed<Node>,
    free_area: [u8; FREE_AREA_BYTES],
    /// Address of the node that was sent last in this pass.
    last_node: u64,
}

#[map]
static MEMORY: Array<Scratch> = Array::with_max_entries(1, 0);

#[inline(always)]
fn scratch() -> Option<&'static mut Scratch> {
    // SAFETY: this is an element of the map and lives as long as the program. Only the hooks inside the pass use it.
    MEMORY.get_ptr_mut(0).map(|scratch| unsafe { &mut *scratch })
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
    set_last_node(0);
    for position in 0..ZONES {
        let zoneref = first + u64::from(position) * u64::from(size);
        if send_place(zoneref, u64::from(position) << 32 | zones, nodemask, pass) == 0 {
            break;
        }
    }
    0
}

/// Sends the zone of a `zoneref`, and its node unless that was the node of the last zone. Returns 0 at the end of the list.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn send_place(zoneref: u64, place: u64, nodemask: u64, pass: u64) -> u64 {
    let zone = pointer(at(zoneref), slot!(zoneref_zone));
    if zone == 0 {
        return 0;
    }
    let (index, _) = value::<Probed, u32>(at(zoneref), slot!(zoneref_zone_idx));
    send_zone(zone, u64::from(index), place, pass);
    let pgdat = pointer(at(zone), slot!(zone_zone_pgdat));
    if set_last_node(pgdat) != pgdat {
        send_node(pgdat, nodemask, pass);
    }
    1
}

/// Records the node that was sent last, and returns the one before. The number is in a map, because the verifier does not follow
/// values there: in a register, it would have another value in each turn of the loop.
#[inline(always)]
fn set_last_node(pgdat: u64) -> u64 {
    let Some(Scratch { last_node, .. }) = scratch() else { return 0 };
    core::mem::replace(last_node, pgdat)
}

/// Counts the zones of a zonelist.
#[inline(always)]
fn count_zones(first: u64) -> u64 {
    let mut zones = 0;
    for _ in 0..ZONES_COUNTED / COUNTED_AT_ONCE {
        let more = count_some(first + zones * u64::from(slot!(zoneref_size)));
        zones += more;
        if more < u64::from(COUNTED_AT_ONCE) {
            break;
        }
    }
    zones
}

/// Counts up to [`COUNTED_AT_ONCE`] zones of a zonelist.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn count_some(first: u64) -> u64 {
    let mut zones = 0;
    for _ in 0..COUNTED_AT_ONCE {
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
    let zone = at(zone);
    let orders = copy_free_blocks(zone);
    let Some(Scratch { zone: frame, .. }) = scratch() else { return 0 };
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
    out.orders = orders;
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
    if value!(per_cpu_offset) == 0 || slot!(zone_pageset) == ABSENT || slot!(pageset_count) == ABSENT {
        return NOTHING;
    }
    let (pageset, status) = value::<Probed, u64>(zone, slot!(zone_pageset));
    *out = percpu::sum(pageset.wrapping_add(u64::from(slot!(pageset_count))));
    status | percpu::status(*out)
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

/// Copies the whole `zone->free_area[]`, takes from it each order's count and a mask of the lists that are not empty, and returns
/// the number of orders, or 0 if it could not be read.
#[inline(always)]
fn copy_free_blocks(zone: Address) -> u16 {
    let (offset, size, count_at) = (slot!(zone_free_area), slot!(free_area_size), slot!(free_area_nr_free));
    let (lists_at, orders) = (slot!(free_area_free_list), slot!(zone_orders).min(ZONE_ORDERS as u32));
    if offset == ABSENT || size == ABSENT || count_at == ABSENT || lists_at == ABSENT {
        return 0;
    }
    let from = zone.cast::<u8>().wrapping_add(offset as usize);
    if copy_free_area(from.cast(), orders * size) != 0 {
        return 0;
    }
    for order in 0..ZONE_ORDERS as u32 {
        if order >= orders {
            break;
        }
        copy_order(u64::from(order), from.addr() as u64);
    }
    orders as u16
}

#[inline(always)]
fn copy_free_area(from: Address, bytes: u32) -> i64 {
    let Some(Scratch { free_area, .. }) = scratch() else { return NOTHING };
    if bytes > FREE_AREA_BYTES as u32 {
        return NOTHING;
    }
    // SAFETY: the buffer has at least `bytes` bytes, and the helper checks the address.
    unsafe { bpf_probe_read_kernel(free_area.as_mut_ptr().cast(), bytes, from) }
}

/// Takes the count and the mask of one order from the copy of `zone->free_area[]`, which is at `base` in the kernel.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn copy_order(order: u64, base: u64) -> u64 {
    let Some(Scratch { zone, free_area, .. }) = scratch() else { return 0 };
    let (start, index) = (order as u32 * slot!(free_area_size), order as usize);
    let out = &mut zone.event;
    if let (Some(count), Some(types)) = (out.free_blocks.get_mut(index), out.free_types.get_mut(index)) {
        *count = word(free_area, start.wrapping_add(slot!(free_area_nr_free)));
        *types = free_types(base, free_area, start.wrapping_add(slot!(free_area_free_list)));
    }
    0
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

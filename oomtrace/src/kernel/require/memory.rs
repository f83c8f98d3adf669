//! Zones and nodes: where the memory was when an allocation failed. If a kernel lacks one of these, reports lack the figure.

use super::{
    Place, Requirement,
    Shape::{Longs, Pointer, Signed, Struct, Structs, Unsigned},
    member, slot,
};

/// `struct zonelist`, `zoneref`, `zone`, `free_area`, `pglist_data` and the two masks of nodes.
pub(super) const SLOTS: &[Requirement] = &[
    slot!(task_struct_mems_allowed, Optional, [member("task_struct", "mems_allowed", Struct)]),
    // A pointer to an unnamed struct.
    slot!(oom_control_nodemask, Optional, [member("oom_control", "nodemask", Pointer(""))]),
    slot!(zonelist_zonerefs, Optional, [member("zonelist", "_zonerefs", Structs)]),
    slot!(zoneref_size, Optional, [Place::Size { of: "zoneref" }]),
    slot!(zoneref_zone, Optional, [member("zoneref", "zone", Pointer("zone"))]),
    slot!(zoneref_zone_idx, Optional, [member("zoneref", "zone_idx", Signed(4))]),
    slot!(zone_name, Optional, [member("zone", "name", Pointer("char"))]),
    // Only with CONFIG_NUMA.
    slot!(zone_node, Optional, [member("zone", "node", Signed(4))]),
    slot!(zone_zone_pgdat, Optional, [member("zone", "zone_pgdat", Pointer("pglist_data"))]),
    slot!(zone_watermark, Optional, [member("zone", "_watermark", Longs)]),
    slot!(zone_watermarks, Optional, [length("zone", "_watermark")]),
    slot!(zone_watermark_boost, Optional, [member("zone", "watermark_boost", Unsigned(8))]),
    slot!(zone_lowmem_reserve, Optional, [member("zone", "lowmem_reserve", Longs)]),
    slot!(zone_classes, Optional, [length("zone", "lowmem_reserve")]),
    slot!(zone_nr_reserved_highatomic, Optional, [member("zone", "nr_reserved_highatomic", Unsigned(8))]),
    // Since 6.12, commit c928807f6f6b.
    slot!(zone_nr_free_highatomic, Optional, [member("zone", "nr_free_highatomic", Unsigned(8))]),
    slot!(zone_managed_pages, Optional, [member("zone", "managed_pages.counter", Signed(8))]),
    slot!(zone_present_pages, Optional, [member("zone", "present_pages", Unsigned(8))]),
    // Until 5.13 a struct contains it. Since 5.14, commit 28f836b6777b, there is one pointer less.
    slot!(
        zone_pageset,
        Optional,
        [
            member("zone", "per_cpu_pageset", Pointer("per_cpu_pages")),
            member("zone", "pageset", Pointer("per_cpu_pageset")),
        ]
    ),
    slot!(
        pageset_count,
        Optional,
        [member("per_cpu_pageset", "pcp.count", Signed(4)), member("per_cpu_pages", "count", Signed(4))]
    ),
    slot!(zone_vm_stat, Optional, [member("zone", "vm_stat", Longs)]),
    slot!(zone_counters, Optional, [length("zone", "vm_stat")]),
    slot!(zone_free_area, Optional, [member("zone", "free_area", Structs)]),
    slot!(zone_orders, Optional, [length("zone", "free_area")]),
    slot!(free_area_size, Optional, [Place::Size { of: "free_area" }]),
    slot!(free_area_free_list, Optional, [member("free_area", "free_list", Structs)]),
    slot!(free_area_types, Optional, [length("free_area", "free_list")]),
    slot!(free_area_nr_free, Optional, [member("free_area", "nr_free", Unsigned(8))]),
    slot!(pglist_data_node_id, Optional, [member("pglist_data", "node_id", Signed(4))]),
    slot!(pglist_data_vm_stat, Optional, [member("pglist_data", "vm_stat", Longs)]),
    slot!(pglist_data_counters, Optional, [length("pglist_data", "vm_stat")]),
];

const fn length(of: &'static str, path: &'static str) -> Place {
    Place::Length { of, path }
}

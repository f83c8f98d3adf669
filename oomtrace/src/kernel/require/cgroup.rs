//! Memory cgroups, and the fields that lead to a cgroup's path.

use super::{
    Requirement,
    Shape::{Pointer, Signed, Struct, Unsigned},
    member, slot,
};

/// `struct mem_cgroup`, `css_set`, `cgroup_subsys_state`, `cgroup`, `cgroup_root`, `kernfs_node`.
pub(super) const SLOTS: &[Requirement] = &[
    slot!(mem_cgroup_cgroup, WithMemcg, [member("mem_cgroup", "css.cgroup", Pointer("cgroup"))]),
    slot!(mem_cgroup_parent, WithMemcg, [member("mem_cgroup", "css.parent", Pointer("cgroup_subsys_state"))]),
    slot!(mem_cgroup_usage, WithMemcg, [member("mem_cgroup", "memory.usage.counter", Signed(8))]),
    slot!(mem_cgroup_max, WithMemcg, [member("mem_cgroup", "memory.max", Unsigned(8))]),
    slot!(mem_cgroup_high, Optional, [member("mem_cgroup", "memory.high", Unsigned(8))]),
    // A union since 5.10, commit bd0b230fe145: v2's swap counter, or v1's counter of memory and swap. The hierarchy shows which
    // one it is.
    slot!(
        mem_cgroup_swap_usage,
        Optional,
        [
            member("mem_cgroup", "swap.usage.counter", Signed(8)),
            member("mem_cgroup", "memsw.usage.counter", Signed(8)),
        ]
    ),
    slot!(
        mem_cgroup_swap_max,
        Optional,
        [member("mem_cgroup", "swap.max", Unsigned(8)), member("mem_cgroup", "memsw.max", Unsigned(8))]
    ),
    slot!(mem_cgroup_oom_group, Optional, [member("mem_cgroup", "oom_group", Unsigned(1))]),
    slot!(mem_cgroup_css, WithMemcg, [member("mem_cgroup", "css", Struct)]),
    // The enumerator depends on the compiled controllers.
    slot!(
        css_set_memory,
        WithMemcg,
        [member("css_set", "subsys[cgroup_subsys_id:memory_cgrp_id]", Pointer("cgroup_subsys_state"))]
    ),
    slot!(css_cgroup, Always, [member("cgroup_subsys_state", "cgroup", Pointer("cgroup"))]),
    slot!(cgroup_kn, Always, [member("cgroup", "kn", Pointer("kernfs_node"))]),
    slot!(cgroup_root, Always, [member("cgroup", "root", Pointer("cgroup_root"))]),
    slot!(cgroup_root_hierarchy_id, Always, [member("cgroup_root", "hierarchy_id", Signed(4))]),
    // `parent` until 6.14; under RCU and renamed since 6.15, commit 633488947ef6.
    slot!(
        kernfs_node_parent,
        Always,
        [
            member("kernfs_node", "__parent", Pointer("kernfs_node")),
            member("kernfs_node", "parent", Pointer("kernfs_node")),
        ]
    ),
    slot!(kernfs_node_name, Always, [member("kernfs_node", "name", Pointer("char"))]),
    // A union until 5.4; one number since 5.5, commit 67c0496e87d1.
    slot!(kernfs_node_id, Always, [member("kernfs_node", "id", Unsigned(8))]),
];

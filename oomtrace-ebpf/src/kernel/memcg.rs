//! Memory cgroups: their names, counters and ancestors.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel_str;
use oomtrace_common::{
    event::Memcg,
    layout::ABSENT,
    limits::{CGROUP_LEVELS, CGROUP_NAME_BYTES},
};

use super::{
    layout::slot,
    read::{Address, NOTHING, Probed, Read, present, value},
};
use crate::emit::emit;

/// The `mem_cgroup` of a task.
#[inline(always)]
pub(crate) fn around_task(task: Address) -> Address {
    around_css(of_task::<Probed>(task))
}

/// The memory controller's `cgroup_subsys_state` of a task, or NULL. Not the unified cgroup's: on a hybrid machine the
/// memory limits live on the v1 hierarchy.
#[inline(always)]
pub(crate) fn of_task<R: Read>(task: Address) -> Address {
    // A kernel without the memory controller.
    if slot!(css_set_memory) == ABSENT {
        return core::ptr::null();
    }
    R::Behind::follow(R::follow(task, slot!(task_struct_cgroups)), slot!(css_set_memory))
}

/// The kernfs id behind a `cgroup_subsys_state`.
#[inline(always)]
pub(crate) fn copy_id_of_css<R: Read>(css: Address, out: &mut u64) -> i64 {
    if slot!(css_set_memory) == ABSENT {
        return NOTHING;
    }
    let kn = R::follow(R::follow(css, slot!(css_cgroup)), slot!(cgroup_kn));
    R::copy(kn, slot!(kernfs_node_id), out)
}

/// The kernfs id behind a `mem_cgroup`; 0 if it cannot be read.
#[inline(always)]
pub(crate) fn id<R: Read>(memcg: Address) -> u64 {
    if slot!(css_set_memory) == ABSENT {
        return 0;
    }
    let kn = R::follow(R::follow(memcg, slot!(mem_cgroup_cgroup)), slot!(cgroup_kn));
    value::<R, u64>(kn, slot!(kernfs_node_id)).0
}

/// The `mem_cgroup` around a `cgroup_subsys_state`; NULL around NULL.
#[inline(always)]
pub(crate) fn around_css(css: Address) -> Address {
    if slot!(css_set_memory) == ABSENT {
        return core::ptr::null();
    }
    if css.is_null() { css } else { css.cast::<u8>().wrapping_sub(slot!(mem_cgroup_css) as usize).cast() }
}

/// Sends `memcg` and its ancestors, up to the root or to one of `sent`, whose path is known already.
///
/// Probed throughout: a parent is reached through its embedded `cgroup_subsys_state`, and the verifier does not let
/// a typed pointer to that out again into the `mem_cgroup` around it.
#[inline(never)]
pub(crate) fn emit_path(memcg: Address, pass: u64, sent: (u64, u64)) {
    if slot!(css_set_memory) == ABSENT {
        return;
    }
    let mut memcg = memcg;
    for _ in 0..CGROUP_LEVELS {
        let id = id::<Probed>(memcg);
        if id == 0 || id == sent.0 || id == sent.1 {
            return;
        }
        let parent = Probed::follow(memcg, slot!(mem_cgroup_parent));
        // Where this one found no room the next would not either.
        if !emit_level(memcg, id, parent, pass) || parent.is_null() {
            return;
        }
        memcg = around_css(parent);
    }
}

/// Sends one level. A function of its own, so that its paths are one again when it returns to the loop: the verifier
/// walks each of them 32 times otherwise.
#[inline(never)]
fn emit_level(memcg: Address, id: u64, parent: Address, pass: u64) -> bool {
    emit::<Memcg>(pass, |out| copy(memcg, id, parent, out))
}

#[inline(always)]
fn copy(memcg: Address, id: u64, parent: Address, out: &mut Memcg) {
    out.id = id;
    copy_id_of_css::<Probed>(parent, &mut out.parent);
    copy_counters(memcg, out);
    let cgroup = Probed::follow(memcg, slot!(mem_cgroup_cgroup));
    Probed::copy(
        Probed::follow(cgroup, slot!(cgroup_root)),
        slot!(cgroup_root_hierarchy_id),
        &mut out.hierarchy,
    );
    let name = Probed::follow(Probed::follow(cgroup, slot!(cgroup_kn)), slot!(kernfs_node_name));
    let buffer = (&raw mut out.name).cast();
    // SAFETY: the helper checks the address, writes at most as many bytes, and ends the copy with a NUL.
    let copied = unsafe { bpf_probe_read_kernel_str(buffer, const { CGROUP_NAME_BYTES as u32 }, name) };
    // With its NUL; negative if the name could not be read.
    out.name_len = copied as i32;
}

#[inline(always)]
fn copy_counters(memcg: Address, out: &mut Memcg) {
    let counters = Probed::copy(memcg, slot!(mem_cgroup_usage), &mut out.usage_pages)
        | Probed::copy(memcg, slot!(mem_cgroup_max), &mut out.max_pages);
    let high = Probed::copy_optional(memcg, slot!(mem_cgroup_high), &mut out.high_pages);
    let swap = Probed::copy_optional(memcg, slot!(mem_cgroup_swap_usage), &mut out.swap_usage_pages)
        | Probed::copy_optional(memcg, slot!(mem_cgroup_swap_max), &mut out.swap_max_pages);
    let mut group = 0_u8;
    let grouped = Probed::copy_optional(memcg, slot!(mem_cgroup_oom_group), &mut group);
    out.oom_group = u32::from(group);
    out.present = present(Memcg::COUNTERS, counters)
        | present(Memcg::HIGH, high)
        | present(Memcg::SWAP, swap)
        | present(Memcg::OOM_GROUP, grouped);
}

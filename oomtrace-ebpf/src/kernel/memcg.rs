//! Memory cgroups: their names, counters and ancestors.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel_str;
use oomtrace_common::{
    event::Memcg,
    layout::ABSENT,
    limits::{CGROUP_LEVELS, CGROUP_NAME_BYTES},
};

use super::{
    layout::slot,
    read::{Address, NOTHING, Probed, Read, at, present, value},
};
use crate::emit::emit;

/// Returns the `mem_cgroup` of a task.
#[inline(always)]
pub(crate) fn around_task(task: Address) -> Address {
    around_css(of_task::<Probed>(task))
}

/// Returns a task's `cgroup_subsys_state` of the memory controller, or NULL. The unified cgroup would be wrong: on a machine with
/// both versions of cgroups, the memory limits can be in the v1 hierarchy.
#[inline(always)]
pub(crate) fn of_task<R: Read>(task: Address) -> Address {
    // The kernel has no memory controller.
    if slot!(css_set_memory) == ABSENT {
        return core::ptr::null();
    }
    R::Behind::follow(R::follow(task, slot!(task_struct_cgroups)), slot!(css_set_memory))
}

/// Copies the kernfs id of the cgroup of a `cgroup_subsys_state`.
#[inline(always)]
pub(crate) fn copy_id_of_css<R: Read>(css: Address, out: &mut u64) -> i64 {
    if slot!(css_set_memory) == ABSENT {
        return NOTHING;
    }
    let kn = R::follow(R::follow(css, slot!(css_cgroup)), slot!(cgroup_kn));
    R::copy(kn, slot!(kernfs_node_id), out)
}

/// Returns the kernfs id of the cgroup of a `mem_cgroup`, or 0 if it cannot be read.
#[inline(always)]
pub(crate) fn id<R: Read>(memcg: Address) -> u64 {
    if slot!(css_set_memory) == ABSENT {
        return 0;
    }
    let kn = R::follow(R::follow(memcg, slot!(mem_cgroup_cgroup)), slot!(cgroup_kn));
    value::<R, u64>(kn, slot!(kernfs_node_id)).0
}

/// Returns the `mem_cgroup` that contains a `cgroup_subsys_state`, or NULL for NULL.
#[inline(always)]
pub(crate) fn around_css(css: Address) -> Address {
    if slot!(css_set_memory) == ABSENT {
        return core::ptr::null();
    }
    if css.is_null() { css } else { css.cast::<u8>().wrapping_sub(slot!(mem_cgroup_css) as usize).cast() }
}

/// Sends `memcg` and its ancestors, up to the root or to one of `sent`, whose path was already sent.
///
/// All reads are probed. The parent pointer leads to the `cgroup_subsys_state` inside a `mem_cgroup`, and the verifier does not
/// allow a typed pointer to get from there to the `mem_cgroup` itself.
#[inline(always)]
pub(crate) fn emit_path(memcg: Address, pass: u64, sent: (u64, u64)) {
    send_path(memcg.addr() as u64, pass, sent.0, sent.1);
}

/// This and [`send_level`] are global functions for the verifier: it walks each of them once, and not once for each call and each
/// level.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn send_path(memcg: u64, pass: u64, sent: u64, also_sent: u64) -> u64 {
    if slot!(css_set_memory) == ABSENT {
        return 0;
    }
    let mut memcg = memcg;
    for _ in 0..CGROUP_LEVELS {
        memcg = send_level(memcg, pass, sent, also_sent);
        if memcg == 0 {
            break;
        }
    }
    0
}

/// Sends one level, and returns the parent if it is to be sent next, or 0.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn send_level(memcg: u64, pass: u64, sent: u64, also_sent: u64) -> u64 {
    let memcg = at(memcg);
    let id = id::<Probed>(memcg);
    if id == 0 || id == sent || id == also_sent {
        return 0;
    }
    let parent = Probed::follow(memcg, slot!(mem_cgroup_parent));
    // If this level did not fit into the ring, the next one would not fit either.
    if emit::<Memcg>(pass, |out| copy(memcg, id, parent, out)) { around_css(parent).addr() as u64 } else { 0 }
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
    // SAFETY: the helper checks the address, writes at most the given number of bytes, and ends the copy with a NUL.
    let copied = unsafe { bpf_probe_read_kernel_str(buffer, const { CGROUP_NAME_BYTES as u32 }, name) };
    // The length includes the NUL. It is negative if the name could not be read.
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

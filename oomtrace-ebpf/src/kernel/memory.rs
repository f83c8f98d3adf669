//! The memory of a task: the counters from which the kernel computes badness.
//!
//! The resident counters are an array of structures inside `mm_struct`. Up to 6.12, the verifier rejects a typed load of a
//! counter ("access beyond struct raw_spinlock"), so the programs probe the counters on all kernels.

use oomtrace_common::{event::Task, layout::ABSENT};

use super::{
    layout::{slot, value},
    percpu,
    read::{Address, Probed, Read, present, value},
};

/// Copies the counters of `mm`.
///
/// Up to 6.1, `mm_struct.rss_stat` is a `struct mm_rss_stat`. Since 6.2, it is an array of `struct percpu_counter`
/// (<https://github.com/torvalds/linux/commit/f1a7941243c102a44e8847e3b94ff4ff3ec56f25>). In both cases, the layout has the
/// offsets of the values themselves.
#[inline(always)]
pub(crate) fn copy<R: Read>(mm: Address, out: &mut Task) {
    let status = Probed::copy(mm, slot!(mm_struct_rss_file), &mut out.file_rss_pages)
        | Probed::copy(mm, slot!(mm_struct_rss_anon), &mut out.anon_rss_pages)
        | Probed::copy(mm, slot!(mm_struct_rss_swap), &mut out.swap_pages)
        | Probed::copy(mm, slot!(mm_struct_rss_shmem), &mut out.shmem_rss_pages)
        | R::copy(mm, slot!(mm_struct_total_vm), &mut out.total_vm_pages)
        | R::copy(mm, slot!(mm_struct_pgtables_bytes), &mut out.pgtables_bytes);
    out.present |= present(Task::MEMORY, status);
    if slot!(mm_struct_rss_percpu) != ABSENT && value!(per_cpu_offset) != 0 {
        copy_exact(mm, out, status);
    }
}

/// Adds the parts of all CPUs to the counters, like `percpu_counter_sum`.
/// <https://github.com/torvalds/linux/blob/v6.12/lib/percpu_counter.c#L134>
#[inline(always)]
fn copy_exact(mm: Address, out: &mut Task, status: i64) {
    (out.file_rss_exact, out.anon_rss_exact) = (out.file_rss_pages, out.anon_rss_pages);
    (out.swap_exact, out.shmem_rss_exact) = (out.swap_pages, out.shmem_rss_pages);
    let status = status
        | add_parts(mm, slot!(mm_struct_rss_file), &mut out.file_rss_exact)
        | add_parts(mm, slot!(mm_struct_rss_anon), &mut out.anon_rss_exact)
        | add_parts(mm, slot!(mm_struct_rss_swap), &mut out.swap_exact)
        | add_parts(mm, slot!(mm_struct_rss_shmem), &mut out.shmem_rss_exact);
    out.present |= present(Task::EXACT, status);
}

/// Adds the parts of the counter at an offset.
#[inline(always)]
fn add_parts(mm: Address, counter: u32, sum: &mut i64) -> i64 {
    let (parts, status) = value::<Probed, u64>(mm, counter.wrapping_add(slot!(mm_struct_rss_percpu)));
    let added = percpu::sum(parts);
    *sum = sum.wrapping_add(added);
    status | percpu::status(added)
}

//! The memory of a task: the counters from which the kernel computes badness.
//!
//! The resident counters are an array of structures inside `mm_struct`. Up to 6.12, the verifier rejects a typed load of a
//! counter ("access beyond struct raw_spinlock"), so the programs probe the counters on all kernels.

use oomtrace_common::{event::Task, layout::ABSENT, limits::COUNTER_CPUS};

use super::{
    layout::{slot, value},
    read::{self, Address, Probed, Read, present},
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
    let percpu = slot!(mm_struct_rss_percpu);
    let (file, file_status) = read::value::<Probed, u64>(mm, slot!(mm_struct_rss_file).wrapping_add(percpu));
    let (anon, anon_status) = read::value::<Probed, u64>(mm, slot!(mm_struct_rss_anon).wrapping_add(percpu));
    let (swap, swap_status) = read::value::<Probed, u64>(mm, slot!(mm_struct_rss_swap).wrapping_add(percpu));
    let (shmem, shmem_status) =
        read::value::<Probed, u64>(mm, slot!(mm_struct_rss_shmem).wrapping_add(percpu));
    let mut status = status | file_status | anon_status | swap_status | shmem_status;
    out.file_rss_exact = out.file_rss_pages;
    out.anon_rss_exact = out.anon_rss_pages;
    out.swap_exact = out.swap_pages;
    out.shmem_rss_exact = out.shmem_rss_pages;
    let cpus = value!(cpus);
    for cpu in 0..COUNTER_CPUS {
        if cpu >= cpus {
            break;
        }
        let offset = at(value!(per_cpu_offset)).wrapping_add(cpu as usize * 8);
        let (base, base_status) = read::value::<Probed, u64>(offset, 0);
        status |= base_status
            | add(file.wrapping_add(base), &mut out.file_rss_exact)
            | add(anon.wrapping_add(base), &mut out.anon_rss_exact)
            | add(swap.wrapping_add(base), &mut out.swap_exact)
            | add(shmem.wrapping_add(base), &mut out.shmem_rss_exact);
    }
    out.present |= present(Task::EXACT, status);
}

/// Adds one CPU's part of a counter, an `s32`.
#[inline(always)]
fn add(part: u64, sum: &mut i64) -> i64 {
    let (part, status) = read::value::<Probed, i32>(at(part).cast(), 0);
    *sum += i64::from(part);
    status
}

#[inline(always)]
fn at(address: u64) -> *const core::ffi::c_void {
    core::ptr::without_provenance(address as usize)
}

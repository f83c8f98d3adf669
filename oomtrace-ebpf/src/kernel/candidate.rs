//! A task as the kernel weighs it.
//!
//! This is done for each task under `oom_lock`, so that it calls few helpers: two instead of six, on the fentry tier, took 290 of
//! 1340 instructions away (docs/benchmarks.md).

use core::mem::MaybeUninit;

use oomtrace_common::event::Candidate;

use super::{
    layout::slot,
    memcg,
    read::{Address, Probed, Read, present, probe, value},
    task,
};

/// `MMF_OOM_SKIP`: the reaper is through with this memory. A macro, and so not in BTF; the same from 5.10 to 7.3.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/sched/coredump.h#L60>
const MMF_OOM_SKIP: u32 = 21;

/// The resident counters are four words next to each other up to 6.1, and structures of 40 bytes each since: the furthest
/// is so many bytes behind the first.
const FURTHEST: u32 = 128;
/// Words that hold all of them.
const STRETCH_WORDS: usize = FURTHEST as usize / size_of::<i64>() + 1;

/// Copies what is known of `task`, a thread group's leader. Inlined where it is used, and straight: it is done for each
/// task under `oom_lock`.
#[inline(always)]
pub(crate) fn copy<R: Read>(task: Address, out: &mut Candidate) {
    clear(out);
    R::copy(task, slot!(task_struct_tgid), &mut out.pid);
    R::copy(task, slot!(task_struct_start_boottime), &mut out.start_boot_ns);
    task::comm::<R>(task, &mut out.comm);
    memcg::copy_id_of_css::<R>(memcg::of_task::<R>(task), &mut out.memcg);
    let uid = task::copy_uid::<R>(task, &mut out.uid);
    let mm = R::follow(task, slot!(task_struct_mm));
    let signal = R::follow(task, slot!(task_struct_signal));
    let adj = R::copy(signal, slot!(signal_struct_oom_score_adj), &mut out.oom_score_adj);
    out.present = present(Candidate::UID, uid)
        | present(Candidate::OOM_SCORE_ADJ, adj)
        | present(Candidate::MEMORY, copy_memory::<R>(mm, out))
        | of_victim::<R>(signal, mm)
        | of_vfork::<R>(task, mm);
}

/// The counters that badness is made of, not summed over the CPUs.
#[inline(always)]
fn copy_memory<R: Read>(mm: Address, out: &mut Candidate) -> i64 {
    copy_resident(mm, out)
        | R::copy(mm, slot!(mm_struct_total_vm), &mut out.total_vm_pages)
        | R::copy(mm, slot!(mm_struct_pgtables_bytes), &mut out.pgtables_bytes)
}

/// The four resident counters, by one copy of the stretch they lie in. Which of the two ways it is, is known when the program is
/// loaded.
#[inline(always)]
fn copy_resident(mm: Address, out: &mut Candidate) -> i64 {
    let file = slot!(mm_struct_rss_file);
    let anon = slot!(mm_struct_rss_anon).wrapping_sub(file);
    let swap = slot!(mm_struct_rss_swap).wrapping_sub(file);
    let shmem = slot!(mm_struct_rss_shmem).wrapping_sub(file);
    if anon > FURTHEST || swap > FURTHEST || shmem > FURTHEST {
        return Probed::copy(mm, slot!(mm_struct_rss_file), &mut out.file_rss_pages)
            | Probed::copy(mm, slot!(mm_struct_rss_anon), &mut out.anon_rss_pages)
            | Probed::copy(mm, slot!(mm_struct_rss_swap), &mut out.swap_pages)
            | Probed::copy(mm, slot!(mm_struct_rss_shmem), &mut out.shmem_rss_pages);
    }
    let mut stretch = MaybeUninit::<[i64; STRETCH_WORDS]>::uninit();
    let status = probe(mm, file, &mut stretch);
    // SAFETY: the helper has written all of it, and each of these is inside, as was just seen; the verifier checks it.
    let at = |offset: u32| unsafe {
        stretch.as_ptr().cast::<u8>().add(offset as usize).cast::<i64>().read_volatile()
    };
    out.file_rss_pages = at(0);
    out.anon_rss_pages = at(anon);
    out.swap_pages = at(swap);
    out.shmem_rss_pages = at(shmem);
    status
}

/// Whether it was a victim, and whether its memory is to be passed over. A dying victim may have no `mm` of its own any
/// more: the kernel looks at `oom_mm` then.
#[inline(always)]
fn of_victim<R: Read>(signal: Address, mm: Address) -> u32 {
    let oom_mm = task::oom_mm::<R>(signal);
    let flags =
        optional::<R, u64>(mm, slot!(mm_struct_flags)) | optional::<R, u64>(oom_mm, slot!(mm_struct_flags));
    let origin = optional::<R, u8>(signal, slot!(signal_struct_oom_flag_origin));
    bit(Candidate::WAS_VICTIM, !oom_mm.is_null())
        | bit(Candidate::OOM_SKIP, flags & (1 << MMF_OOM_SKIP) != 0)
        | bit(Candidate::ORIGIN, origin != 0)
}

/// `in_vfork`. <https://github.com/torvalds/linux/blob/v6.12/include/linux/sched/mm.h#L196>
#[inline(always)]
fn of_vfork<R: Read>(task: Address, mm: Address) -> u32 {
    if optional::<R, u64>(task, slot!(task_struct_vfork_done)) == 0 {
        return 0;
    }
    let parent = task::real_parent::<R>(task);
    let shared = value::<R, u64>(parent, slot!(task_struct_mm)).0;
    bit(Candidate::IN_VFORK, shared != 0 && shared == mm.addr() as u64)
}

#[inline(always)]
fn optional<R: Read, T: super::read::Plain>(base: Address, offset: u32) -> T {
    let mut value = T::default();
    R::copy_optional(base, offset, &mut value);
    value
}

/// Makes all of it zeroes, so that no earlier row's bytes travel along. Word by word and volatile: the compiler's `memset`
/// would go byte by byte here, and a helper costs more than these few stores.
#[inline(always)]
fn clear(row: &mut Candidate) {
    const { assert!(size_of::<Candidate>().is_multiple_of(size_of::<u64>())) };
    let words = (&raw mut *row).cast::<u64>();
    for number in 0..size_of::<Candidate>() / size_of::<u64>() {
        // SAFETY: inside the row, and all zeroes are a value of it.
        unsafe { words.add(number).write_volatile(0) };
    }
}

#[inline(always)]
fn bit(bit: u32, set: bool) -> u32 {
    bit * u32::from(set)
}

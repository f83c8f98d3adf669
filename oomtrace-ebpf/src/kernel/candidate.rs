//! A task with the values that decide its points.
//!
//! This code runs for each task under `oom_lock`, so it calls few helpers. On the fentry tier, it calls two helpers instead of
//! six, which saves 290 of 1340 instructions (docs/benchmarks.md).

use core::mem::MaybeUninit;

use oomtrace_common::event::Candidate;

use super::{
    layout::slot,
    memcg,
    read::{Address, Probed, Read, present, probe, value},
    task,
};

/// `MMF_OOM_SKIP`: the reaper is finished with this memory. It is a macro and therefore not in BTF. Its value is the same from
/// 5.10 to 7.3.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/sched/coredump.h#L60>
const MMF_OOM_SKIP: u32 = 21;

/// The greatest distance of a resident counter from the first one, in bytes. Up to 6.1, the counters are four adjacent words.
/// Since 6.2, each is a structure of 40 bytes.
const FURTHEST: u32 = 128;
/// Number of words that contain all resident counters.
const STRETCH_WORDS: usize = FURTHEST as usize / size_of::<i64>() + 1;

/// Copies the facts about `task`, the leader of a thread group. It is inlined and has few branches, because it runs for each task
/// under `oom_lock`.
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

/// Copies the counters from which the kernel computes badness, without the parts of the CPUs.
#[inline(always)]
fn copy_memory<R: Read>(mm: Address, out: &mut Candidate) -> i64 {
    copy_resident(mm, out)
        | R::copy(mm, slot!(mm_struct_total_vm), &mut out.total_vm_pages)
        | R::copy(mm, slot!(mm_struct_pgtables_bytes), &mut out.pgtables_bytes)
}

/// Copies the four resident counters with one copy of the memory that contains them, or one by one if they are too far apart. The
/// verifier knows at load time which of the two ways applies.
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
    // SAFETY: the helper has written all of the array. The check above ensures that each offset is inside, and the verifier
    // checks it.
    let at = |offset: u32| unsafe {
        stretch.as_ptr().cast::<u8>().add(offset as usize).cast::<i64>().read_volatile()
    };
    out.file_rss_pages = at(0);
    out.anon_rss_pages = at(anon);
    out.swap_pages = at(swap);
    out.shmem_rss_pages = at(shmem);
    status
}

/// Returns the bits that say whether the process is a victim, whether the kernel skips its memory, and whether the kernel prefers
/// it (`oom_flag_origin`). A dying victim may no longer have an `mm`. The kernel then reads `oom_mm`.
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

/// Returns the bit for the kernel's `in_vfork`. <https://github.com/torvalds/linux/blob/v6.12/include/linux/sched/mm.h#L196>
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

/// Fills the row with zeroes, so that it contains no bytes of an earlier row. The stores are volatile words: the compiler's
/// `memset` would write byte by byte, and a helper costs more than these few stores.
#[inline(always)]
fn clear(row: &mut Candidate) {
    const { assert!(size_of::<Candidate>().is_multiple_of(size_of::<u64>())) };
    let words = (&raw mut *row).cast::<u64>();
    for number in 0..size_of::<Candidate>() / size_of::<u64>() {
        // SAFETY: the word is inside the row, and all zeroes are a valid row.
        unsafe { words.add(number).write_volatile(0) };
    }
}

#[inline(always)]
fn bit(bit: u32, set: bool) -> u32 {
    bit * u32::from(set)
}

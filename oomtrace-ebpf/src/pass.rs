//! The current pass through `out_of_memory`.
//!
//! `oom_lock` lets one task in at a time, so one record is enough. Some of the hooked functions also run outside a pass, so every
//! hook inside compares its task with the task in the record. The record is not per CPU, because the task may sleep and migrate
//! between two hooks.

use aya_ebpf::{helpers::bpf_get_current_pid_tgid, macros::map, maps::Array};
use oomtrace_common::event::OutOfMemory;

use crate::{
    emit::emit,
    kernel::{
        memcg,
        read::{Address, Probed},
        task,
    },
};

/// The record of the current pass.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Pass {
    /// The trigger, as `bpf_get_current_pid_tgid` returns it; 0 if there is no current pass.
    pub(crate) pid_tgid: u64,
    /// Entry time, ns. It identifies the pass in every frame.
    pub(crate) entry_ns: u64,
    /// Address of the `oom_control`, for hooks on the return that do not get it.
    pub(crate) oc: u64,
    /// `oc->memcg`, an address.
    pub(crate) memcg: u64,
    /// Kernfs id of `oc->memcg`.
    pub(crate) memcg_id: u64,
    /// Kernfs ids of the cgroups whose paths were sent: the trigger's and the last victim's.
    pub(crate) sent: [u64; 2],
    /// Flags of [`OutOfMemory`].
    pub(crate) flags: u32,
    /// `oc->gfp_mask`.
    pub(crate) gfp_mask: u32,
    /// `oc->order`.
    pub(crate) order: i32,
    /// Number of calls of `oom_evaluate_task`.
    pub(crate) evaluated: u32,
    /// Number of calls of `__oom_kill_process`.
    pub(crate) kills: u32,
    /// Number of marks that were sent.
    pub(crate) marks: u32,
    /// Number of marks that were not sent, because the trigger was already a victim.
    pub(crate) repeated_marks: u32,
    /// 1 after the announcement of the pass.
    pub(crate) announced: u32,
    /// 1 if the trigger was a victim at the entry.
    pub(crate) trigger_was_victim: u32,
    /// 1 after the entry of `oom_kill_process`.
    pub(crate) chosen: u32,
    /// Number of rows in the table of candidates, without the last row of the table.
    pub(crate) rows: u32,
    /// 1 if the last row of the table is in use.
    pub(crate) last_taken: u32,
    /// Number of evaluated kernel threads. They have no row.
    pub(crate) kernel_threads: u32,
    /// Number of tasks that were evaluated when the table was full.
    pub(crate) left_out: u32,
    /// The number of an `Emptiness`, if the pass was empty.
    pub(crate) emptiness: u32,
    /// `Candidate::POINTS` after `oom_badness` returned for the task in evaluation.
    pub(crate) points_seen: u32,
    /// The return value of `oom_badness` for the task in evaluation; `table::NO_POINTS` before.
    pub(crate) points: i64,
    /// The highest points among the tasks in `left_out`.
    pub(crate) left_out_points: i64,
    /// Address of the task in evaluation, for the hook on the return that does not get it.
    pub(crate) task: u64,
    /// Address of the victim in the latest call of `__oom_kill_process`; 0 before the first call and after its kill is counted.
    pub(crate) victim: u64,
    /// Address of the victim in the first call. If the kernel kills a group, it kills the chosen member a second time with the
    /// others.
    pub(crate) first_victim: u64,
    /// 1 after the kernel sent SIGKILL to the latest victim.
    pub(crate) signaled: u64,
    /// 1 if a frame names the latest victim.
    pub(crate) reported: u64,
    /// 1 if the first victim was counted as not reported.
    pub(crate) first_unreported: u64,
}

#[map]
static PASS: Array<Pass> = Array::with_max_entries(1, 0);

/// Returns the record. Only the entry hook uses it directly, to start a pass.
#[inline(always)]
pub(crate) fn record() -> Option<&'static mut Pass> {
    // SAFETY: the map has one element that lives as long as the program. The hooks that write to it run under `oom_lock`, in the
    // task in the record.
    PASS.get_ptr_mut(0).map(|pass| unsafe { &mut *pass })
}

/// Returns the current pass if the current task is inside it.
#[inline(always)]
pub(crate) fn current() -> Option<&'static mut Pass> {
    record().filter(|pass| pass.pid_tgid != 0 && pass.pid_tgid == bpf_get_current_pid_tgid())
}

impl Pass {
    /// Announces the pass once: sends the trigger, the requested allocation, and the cgroup paths of the domain and of the
    /// trigger.
    #[inline(never)]
    pub(crate) fn announce(&mut self) {
        if self.announced != 0 {
            return;
        }
        self.announced = 1;
        emit::<OutOfMemory>(self.entry_ns, |out| {
            task::copy::<Probed>(task::current(), &mut out.trigger);
            out.memcg = self.memcg_id;
            out.flags = self.flags;
            out.gfp_mask = self.gfp_mask;
            out.order = self.order;
        });
        memcg::emit_path(core::ptr::without_provenance(self.memcg as usize), self.entry_ns, (0, 0));
        let trigger = memcg::around_task(task::current());
        memcg::emit_path(trigger, self.entry_ns, (self.memcg_id, 0));
        self.sent[0] = memcg::id::<Probed>(trigger);
    }

    /// Sends the path of a victim's cgroup, unless it is the cgroup of the domain, of the trigger or of the last victim. The
    /// members of a group mostly have the same cgroup.
    #[inline(always)]
    pub(crate) fn emit_path_of(&mut self, victim: Address) {
        let memcg = memcg::around_task(victim);
        let id = memcg::id::<Probed>(memcg);
        if id != self.sent[0] && id != self.sent[1] {
            self.sent[1] = id;
            memcg::emit_path(memcg, self.entry_ns, (self.memcg_id, self.sent[0]));
        }
    }
}

//! The pass through `out_of_memory` that is under way. `oom_lock` lets one task in at a time, so one record is enough;
//! every hook inside compares its task with the record's, because some of the hooked functions run elsewhere too.
//! Nothing is kept per CPU: the task may sleep and move between two hooks.

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

/// The record.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Pass {
    /// Trigger, as `bpf_get_current_pid_tgid` gives it; 0 when no pass is under way.
    pub(crate) pid_tgid: u64,
    /// Entry time; names the pass in every frame.
    pub(crate) entry_ns: u64,
    /// The `oom_control`, for hooks on the return that do not get it.
    pub(crate) oc: u64,
    /// `oc->memcg`, an address.
    pub(crate) memcg: u64,
    /// Its kernfs id.
    pub(crate) memcg_id: u64,
    /// Cgroups whose paths were sent: the trigger's, and the last victim's.
    pub(crate) sent: [u64; 2],
    /// Flags of [`OutOfMemory`].
    pub(crate) flags: u32,
    /// `oc->gfp_mask`.
    pub(crate) gfp_mask: u32,
    /// `oc->order`.
    pub(crate) order: i32,
    /// Calls of `oom_evaluate_task`.
    pub(crate) evaluated: u32,
    /// Calls of `__oom_kill_process`.
    pub(crate) kills: u32,
    /// Marks sent.
    pub(crate) marks: u32,
    /// Marks of a trigger that was a victim before, not sent.
    pub(crate) repeated_marks: u32,
    /// 1 once the pass was announced.
    pub(crate) announced: u32,
    /// 1 when the trigger was a victim on entry.
    pub(crate) trigger_was_victim: u32,
    /// 1 once `oom_kill_process` was entered.
    pub(crate) chosen: u32,
    /// Rows of the table of candidates.
    pub(crate) rows: u32,
    /// 1 once the last row, which is not among those, was filled.
    pub(crate) last_taken: u32,
    /// Kernel threads that were evaluated: they have no row.
    pub(crate) kernel_threads: u32,
    /// Tasks that were evaluated when the table was full.
    pub(crate) left_out: u32,
    /// An `Emptiness` by number, once the pass turned out to be empty.
    pub(crate) emptiness: u32,
    /// `Candidate::POINTS` once `oom_badness` returned for the task that is being evaluated.
    pub(crate) points_seen: u32,
    /// What it returned; until then no points.
    pub(crate) points: i64,
    /// The most of those that were left out.
    pub(crate) left_out_points: i64,
    /// The task that is being evaluated, an address, for the hook on the return that does not get it.
    pub(crate) task: u64,
    /// The victim of the latest call of `__oom_kill_process`, an address; 0 before the first.
    pub(crate) victim: u64,
    /// The victim of the first call: a group's chosen member is killed a second time with the others.
    pub(crate) first_victim: u64,
    /// 1 once the latest victim was sent SIGKILL.
    pub(crate) signaled: u64,
    /// 1 once a frame names the latest victim.
    pub(crate) reported: u64,
    /// 1 if the first victim was counted as not reported.
    pub(crate) first_unreported: u64,
}

#[map]
static PASS: Array<Pass> = Array::with_max_entries(1, 0);

/// The record itself, for the entry hook to open.
#[inline(always)]
pub(crate) fn record() -> Option<&'static mut Pass> {
    // SAFETY: the map has one element that lives as long as the program; the hooks that write to it run under
    // `oom_lock`, in the task the record names.
    PASS.get_ptr_mut(0).map(|pass| unsafe { &mut *pass })
}

/// The pass, if the current task is the one inside it.
#[inline(always)]
pub(crate) fn current() -> Option<&'static mut Pass> {
    record().filter(|pass| pass.pid_tgid != 0 && pass.pid_tgid == bpf_get_current_pid_tgid())
}

impl Pass {
    /// Sends the pass's beginning, once: who asked for what, and the paths of the domain and of the trigger.
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

    /// Sends the path of a victim's cgroup, unless it is the domain's, the trigger's or the last victim's: members of a
    /// group mostly share one.
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

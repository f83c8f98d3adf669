//! `bool out_of_memory(struct oom_control *oc)`: the function that makes the whole decision. Its callers hold `oom_lock`.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L1104>

use aya_ebpf::{
    EbpfContext,
    helpers::bpf_get_current_pid_tgid,
    macros::{fentry, fexit, kprobe, kretprobe, map},
    maps::HashMap,
    programs::{FEntryContext, FExitContext, ProbeContext, RetProbeContext},
};
use oomtrace_common::{
    event::{Emptiness, EmptyPasses, EmptyPassesRun, EmptyRun, OutOfMemory, OutOfMemoryReturn},
    frame::Wire as _,
    limits::{EMPTY_PASSES_EVERY_NS, EMPTY_RUNS},
};

use super::memory_max_write;
use crate::{
    context::{argument, pointer_argument},
    emit::{count_lost, emit, now},
    kernel::{
        layout::{slot, value},
        memcg,
        read::{Address, Probed, Read, Typed, value},
        stack, task, zones,
    },
    kills,
    pass::{self, Pass},
    table,
};

/// The runs of equal empty passes. User space reads them when no more frames arrive.
#[map]
static EMPTY: HashMap<EmptyRun, EmptyPassesRun> = HashMap::with_max_entries(EMPTY_RUNS, 0);

#[fentry]
fn out_of_memory_fentry(ctx: FEntryContext) -> u32 {
    enter::<Typed>(pointer_argument(&ctx, slot!(arg_out_of_memory_oc)));
    0
}

#[kprobe]
fn out_of_memory_kprobe(ctx: ProbeContext) -> u32 {
    enter::<Probed>(pointer_argument(&ctx, slot!(arg_out_of_memory_oc)));
    if value!(callers_hidden) != 0
        && let Some(pass) = pass::current()
    {
        stack::read_ahead(&ctx, pass.entry_ns);
    }
    0
}

#[fexit]
fn out_of_memory_fexit(ctx: FExitContext) -> u32 {
    let returned = argument(&ctx, slot!(arg_out_of_memory_ret));
    leave::<Typed, _>(&ctx, pointer_argument(&ctx, slot!(arg_out_of_memory_oc)), returned);
    0
}

#[kretprobe]
fn out_of_memory_kretprobe(ctx: RetProbeContext) -> u32 {
    if let Some(pass) = pass::current() {
        leave::<Probed, _>(&ctx, core::ptr::without_provenance(pass.oc as usize), ctx.ret::<u64>());
    }
    0
}

#[inline(always)]
fn enter<R: Read>(oc: Address) {
    let Some(pass) = pass::record() else { return };
    let memcg = R::follow(oc, slot!(oom_control_memcg));
    *pass = Pass {
        pid_tgid: bpf_get_current_pid_tgid(),
        entry_ns: now(),
        oc: oc.addr() as u64,
        memcg: memcg.addr() as u64,
        memcg_id: memcg::id::<R>(memcg),
        sent: [0; 2],
        flags: flags::<R>(oc, memcg),
        gfp_mask: value::<R, u32>(oc, slot!(oom_control_gfp_mask)).0,
        order: value::<R, i32>(oc, slot!(oom_control_order)).0,
        evaluated: 0,
        kills: 0,
        marks: 0,
        repeated_marks: 0,
        announced: 0,
        trigger_was_victim: u32::from(task::is_victim::<Probed>(task::current())),
        chosen: 0,
        rows: 0,
        last_taken: 0,
        kernel_threads: 0,
        left_out: 0,
        emptiness: 0,
        points_seen: 0,
        points: table::NO_POINTS,
        left_out_points: table::NO_POINTS,
        task: 0,
        victim: 0,
        first_victim: 0,
        signaled: 0,
        reported: 0,
        first_unreported: 0,
    };
}

/// Flags of [`OutOfMemory`].
#[inline(always)]
fn flags<R: Read>(oc: Address, memcg: Address) -> u32 {
    let mut flags = 0;
    if value::<R, u64>(oc, slot!(oom_control_zonelist)).0 != 0 {
        flags |= OutOfMemory::ZONELIST;
    }
    if memory_max_write::is_current_inside() {
        flags |= OutOfMemory::MEMORY_MAX_WRITE;
    }
    if !memcg.is_null() {
        flags |= OutOfMemory::MEMCG;
    }
    flags
}

#[inline(always)]
fn leave<R: Read, C: EbpfContext>(context: &C, oc: Address, returned: u64) {
    let Some(pass) = pass::current() else { return };
    kills::settle(pass);
    // `bool` is one byte of the register. The other bytes are undefined.
    let returned = u32::from(returned & 0xff != 0);
    let total_pages = value::<R, u64>(oc, slot!(oom_control_totalpages)).0;
    let constraint = value::<R, u32>(oc, slot!(oom_control_constraint)).0;
    // The pointer may refer to a freed task. The program only compares it and never follows it.
    let chosen = match value::<R, u64>(oc, slot!(oom_control_chosen)).0 {
        0 => OutOfMemoryReturn::CHOSEN_NONE,
        u64::MAX => OutOfMemoryReturn::CHOSEN_ABORTED,
        _ => OutOfMemoryReturn::CHOSEN_TASK,
    };
    let mut bpf_freed = 0_u8;
    R::copy_optional(oc, slot!(oom_control_bpf_memory_freed), &mut bpf_freed);
    if pass.announced == 0 {
        let emptiness = emptiness(pass, returned, chosen, bpf_freed) as u32;
        // Store the value in memory, so that the verifier forgets it and walks the following code once.
        // SAFETY: this is a field of a valid reference.
        unsafe { core::ptr::write_volatile(&raw mut pass.emptiness, emptiness) };
        fold(context, pass, total_pages, constraint);
    } else {
        if pass.chosen == 0 {
            send_shortage(context, pass);
        }
        emit::<OutOfMemoryReturn>(pass.entry_ns, |out| {
            out.total_pages = total_pages;
            R::copy(oc, slot!(oom_control_chosen_points), &mut out.points);
            out.evaluated = pass.evaluated;
            out.constraint = constraint;
            out.returned = returned;
            out.chosen = chosen;
            out.kills = pass.kills;
            out.marks = pass.marks;
            out.duration_ns = now().saturating_sub(pass.entry_ns);
            out.bpf_memory_freed = u32::from(bpf_freed);
        });
    }
    pass.pid_tgid = 0;
}

/// Sends the zones, the nodes and the trigger's stacks for a decision that chose no task.
#[inline(always)]
fn send_shortage<C: EbpfContext>(context: &C, pass: &Pass) {
    zones::send_memory_state(pass.oc, pass.entry_ns);
    stack::send(context, pass.entry_ns);
}

#[inline(always)]
fn emptiness(pass: &Pass, returned: u32, chosen: u32, bpf_freed: u8) -> Emptiness {
    if bpf_freed != 0 {
        Emptiness::BpfFreed
    } else if pass.repeated_marks != 0
        || (pass.trigger_was_victim != 0 && pass.evaluated == 0 && returned != 0)
    {
        Emptiness::TriggerDying
    } else if returned == 0 {
        Emptiness::NothingToKill
    } else if chosen == OutOfMemoryReturn::CHOSEN_ABORTED {
        Emptiness::VictimDying
    } else {
        Emptiness::Nothing
    }
}

/// Counts an empty pass. The first pass of a run is sent immediately, and the run's count at most once per second. When the run
/// has ended, user space reads the final count. It also removes old runs.
#[inline(always)]
fn fold<C: EbpfContext>(context: &C, pass: &Pass, total_pages: u64, constraint: u32) {
    // SAFETY: this is a field of a valid reference.
    let emptiness = unsafe { core::ptr::read_volatile(&raw const pass.emptiness) };
    let key = EmptyRun { memcg: pass.memcg_id, emptiness: u64::from(emptiness) };
    let Some(run) = EMPTY.get_ptr_mut(key) else {
        begin(context, pass, key, total_pages, constraint);
        return;
    };
    // SAFETY: this is an element of the map, and only this function writes to it, under `oom_lock`.
    let run = unsafe { &mut *run };
    run.passes.count += 1;
    run.passes.last_ns = pass.entry_ns;
    if pass.entry_ns.saturating_sub(run.told_ns) >= EMPTY_PASSES_EVERY_NS {
        run.told_ns = pass.entry_ns;
        emit::<EmptyPasses>(pass.entry_ns, |out| *out = run.passes);
    }
}

#[inline(always)]
fn begin<C: EbpfContext>(context: &C, pass: &Pass, key: EmptyRun, total_pages: u64, constraint: u32) {
    let passes = EmptyPasses {
        memcg: pass.memcg_id,
        first_ns: pass.entry_ns,
        last_ns: pass.entry_ns,
        count: 1,
        emptiness: key.emptiness as u32,
        pid: (pass.pid_tgid >> 32) as i32,
        tid: pass.pid_tgid as i32,
        order: pass.order,
        gfp_mask: pass.gfp_mask,
        flags: pass.flags,
        evaluated: pass.evaluated,
        constraint,
        total_pages,
    };
    if EMPTY.insert(key, EmptyPassesRun { passes, told_ns: pass.entry_ns }, 0).is_err() {
        // The map is full. Count this like a frame that did not fit into the ring.
        count_lost(u32::from(EmptyPasses::KIND.number()));
        return;
    }
    if pass.memcg != 0 {
        let domain = core::ptr::without_provenance(pass.memcg as usize);
        memcg::emit_path(domain, pass.entry_ns, (0, 0));
    }
    send_shortage(context, pass);
    table::send_table();
    emit::<EmptyPasses>(pass.entry_ns, |out| *out = passes);
}

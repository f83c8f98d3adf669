//! Starts the verifier's work on two CPUs.

use std::{
    cmp::Reverse,
    sync::{Mutex, PoisonError},
    thread,
};

use aya::{Btf, Ebpf, programs::Program};
use oomtrace_common::layout::{ABSENT, KernelLayout};

use super::{
    attach,
    hooks::{Carrier, HOOKS, Hook, Symbol, Way},
};
use crate::kernel::tier::{Tier, Wanted};

/// Verifies programs before they are attached one by one, on this thread and a second one: the verifier takes most of the start. Each
/// thread takes the next program when it is done with one. A program that is refused here is not loaded. Attaching tries it
/// again and reports the error.
pub(super) fn load(ebpf: &mut Ebpf, btf: &Btf, layout: &KernelLayout, wanted: Wanted) {
    let chosen = carriers(layout, wanted);
    let mut programs: Vec<(usize, &mut Program)> = ebpf
        .programs_mut()
        .filter_map(|(name, program)| {
            let at = chosen.iter().position(|carrier| carrier.program == name)?;
            Some((at, program))
        })
        .collect();
    // The last one is taken first: the longest of the programs that every tier has, which the table begins with.
    programs.sort_by_key(|(at, _)| Reverse(*at));
    let queue = Mutex::new(programs);
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let work = || {
        while let Some((at, program)) = next() {
            let target = chosen.get(at).map(|carrier| carrier.target);
            drop(target.map(|target| attach::load(program, btf, target)));
        }
    };
    thread::scope(|scope| {
        // If no thread can be started, this one loads them all.
        let _ = thread::Builder::new().spawn_scoped(scope, work);
        work();
    });
}

/// The programs that will be tried first. Hooks whose way depends on the kernel's symbols have short programs and are left out.
fn carriers(layout: &KernelLayout, wanted: Wanted) -> Vec<&'static Carrier> {
    let is_inside = wanted != Wanted::Only(Tier::Tracepoint);
    let hooks = HOOKS.iter().filter(|hook| is_inside || !hook.need.is_inside());
    hooks
        .filter_map(|hook| first_way(hook, wanted))
        .filter(|way| is_described(way, layout))
        .flat_map(|way| way.programs)
        .collect()
}

fn first_way(hook: &Hook, wanted: Wanted) -> Option<&'static Way> {
    hook.ways.iter().find(|way| wanted.allows(way.tier)).filter(|way| way.symbol == Symbol::Any)
}

fn is_described(way: &Way, layout: &KernelLayout) -> bool {
    way.slot.is_none_or(|slot| slot(layout) != ABSENT)
}

//! Starts the verifier's work on two CPUs.

use std::thread;

use aya::{
    Btf, Ebpf,
    programs::{BtfTracePoint, Program},
};
use oomtrace_common::layout::{ABSENT, KernelLayout};

use super::hooks::{Carrier, HOOKS, Way};
use crate::kernel::tier::Tier;

/// Verifies the tracepoints' programs before they are attached one by one. The first of them, which takes the verifier longest,
/// is loaded on this thread and the others on a second one: together they take a third of the start. A program that is refused
/// here is not loaded. Attaching tries it again and reports the error.
pub(super) fn load(ebpf: &mut Ebpf, btf: &Btf, layout: &KernelLayout) {
    let wanted = carriers(layout);
    let mut programs: Vec<(&mut BtfTracePoint, &'static str)> = ebpf
        .programs_mut()
        .filter_map(|(name, program)| {
            let carrier = wanted.iter().find(|carrier| carrier.program == name)?;
            let Program::BtfTracePoint(program) = program else { return None };
            Some((program, carrier.target))
        })
        .collect();
    let is_first = |target| HOOKS.first().is_some_and(|hook| hook.name == target);
    programs.sort_by_key(|(_, target)| !is_first(*target));
    let load = |(program, target): &mut (&mut BtfTracePoint, &str)| drop(program.load(target, btf));
    let Some((first, others)) = programs.split_first_mut() else { return };
    thread::scope(|scope| {
        // If no thread can be started, they are loaded later.
        let _ = thread::Builder::new().spawn_scoped(scope, || others.iter_mut().for_each(load));
        load(first);
    });
}

/// The programs of the hooks that every tier has, if the layout describes them.
fn carriers(layout: &KernelLayout) -> Vec<&'static Carrier> {
    let described = |way: &&Way| way.slot.is_none_or(|slot| slot(layout) != ABSENT);
    let ways = HOOKS.iter().filter_map(|hook| hook.ways.first()).filter(|way| way.tier == Tier::Tracepoint);
    ways.filter(described).flat_map(|way| way.programs).collect()
}

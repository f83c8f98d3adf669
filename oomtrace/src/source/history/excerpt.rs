//! Copies the history that is relevant for a decision from the table to a frame, up to the decision.

use std::{cmp::Reverse, collections::BTreeSet};

use super::{
    Wanted,
    series::Series,
    table::{Cgroup, Kib, Process, Resident, Sample, Table},
};
use crate::{
    bytes::ByteString,
    context::{CgroupHistory, LeadUp, MemoryHistory, ProcessHistory},
};

/// Number of processes that are included because they grew most. A report names fewer; the others show whether they started
/// one after the other.
const GROWERS: usize = 8;

/// Number of cgroups below the domain that are included because they grew most.
const BELOW: usize = 4;

/// Number of levels of the chain that are included.
const CHAIN: usize = 8;

/// Returns the history of a decision; `None` if there is no sample before it.
pub(super) fn lead_up(table: &Table, wanted: &Wanted, interval_ns: u64) -> Option<LeadUp> {
    let until = wanted.decided_ns;
    let machine = table.machine.as_ref().filter(|series| !series.until(until).is_empty());
    machine?;
    let members = wanted.domain.map(|domain| members(table, domain));
    let is_member = |id: u64| members.as_ref().is_none_or(|members| members.contains(&id));
    let chains = wanted.domain.into_iter().chain(leaves(wanted));
    let mut cgroups: Vec<&Cgroup> = Vec::new();
    for cgroup in
        chains.flat_map(|id| table.chain(id).into_iter().take(CHAIN)).chain(below(table, wanted, is_member))
    {
        if cgroups.len() < CHAIN * 2 && cgroups.iter().all(|known| known.id != cgroup.id) {
            cgroups.push(cgroup);
        }
    }
    let of_cgroup = |cgroup: &&Cgroup| {
        let whole = wanted.domain.is_none_or(|domain| domain == cgroup.id);
        CgroupHistory {
            memcg: cgroup.id,
            path: table.path(cgroup.id).map(ByteString::from),
            limit_bytes: cgroup.limit.bytes(),
            memory: memory(cgroup.series.until(until), whole),
        }
    };
    Some(LeadUp {
        interval_ns,
        begun_ns: table.begun_ns,
        listed_ns: table.listed_ns.filter(|listed| *listed <= until),
        cgroups_left_out: table.left_out,
        machine: machine.filter(|_| wanted.domain.is_none()).map(|series| memory(series.until(until), true)),
        machine_bytes: table.totals.memory.filter(|_| wanted.domain.is_none()),
        cgroups: cgroups.iter().map(of_cgroup).collect(),
        processes: processes(table, wanted, is_member)
            .into_iter()
            .map(|known| process(known, until))
            .collect(),
    })
}

/// Returns the cgroups of the tasks, if the domain is not known.
fn leaves(wanted: &Wanted) -> impl Iterator<Item = u64> {
    let is_open = wanted.domain.is_none();
    wanted.tasks.iter().filter(move |_| is_open).map(|task| task.memcg)
}

/// Returns the domain and all cgroups below it. In the table, a cgroup comes after its parent.
pub(super) fn members(table: &Table, domain: u64) -> BTreeSet<u64> {
    let mut members = BTreeSet::from([domain]);
    for cgroup in &table.cgroups {
        if members.contains(&cgroup.parent) {
            members.insert(cgroup.id);
        }
    }
    members
}

fn below<'a>(table: &'a Table, wanted: &Wanted, is_member: impl Fn(u64) -> bool) -> Vec<&'a Cgroup> {
    let until = wanted.decided_ns;
    let inner = table.cgroups.iter().filter(|cgroup| is_member(cgroup.id) && cgroup.parent != 0);
    let mut grown: Vec<(u64, &Cgroup)> = inner
        .filter_map(|cgroup| Some((growth(&cgroup.series, until, Sample::held_bytes)?, cgroup)))
        .collect();
    grown.sort_by_key(|(growth, _)| Reverse(*growth));
    grown.into_iter().take(BELOW).map(|(_, cgroup)| cgroup).collect()
}

/// Returns the processes that the decision names, followed by the processes of the domain that grew most.
pub(super) fn processes<'a>(
    table: &'a Table,
    wanted: &Wanted,
    is_member: impl Fn(u64) -> bool,
) -> Vec<&'a Process> {
    let is_named = |process: &&Process| wanted.tasks.iter().any(|task| task.pid == process.pid);
    let growth = |process: &Process| {
        let bytes = |sample: &Resident| sample.bytes.bytes();
        let last = process.series.until(wanted.decided_ns).last().and_then(bytes);
        // A new process had no memory before.
        let is_new = process.start_ns.is_some_and(|start| start >= table.begun_ns);
        if is_new { last } else { growth(&process.series, wanted.decided_ns, bytes) }
    };
    let mut grown: Vec<(u64, &Process)> = table
        .processes
        .iter()
        .filter(|process| is_member(process.memcg) && !is_named(process))
        .filter_map(|process| Some((growth(process)?, process)))
        .collect();
    grown.sort_by_key(|(growth, _)| Reverse(*growth));
    let growers = grown.into_iter().take(GROWERS).map(|(_, process)| process);
    table.processes.iter().filter(is_named).chain(growers).collect()
}

/// Returns the last value minus the smallest one; `None` without growth.
fn growth<T: super::series::Timed>(
    series: &Series<T>,
    until: u64,
    value: impl Fn(&T) -> Option<u64>,
) -> Option<u64> {
    let samples = series.until(until);
    let least = samples.iter().filter_map(&value).min()?;
    samples.iter().rev().find_map(&value)?.checked_sub(least).filter(|growth| *growth > 0)
}

fn memory(samples: &[Sample], whole: bool) -> MemoryHistory {
    let usage = |of: fn(&Sample) -> Kib| samples.iter().map(|sample| of(sample).bytes()).collect();
    let mut memory = MemoryHistory {
        at_ns: samples.iter().map(|sample| sample.at_ns).collect(),
        usage_bytes: usage(|sample| sample.usage),
        file_bytes: usage(|sample| sample.file),
        ..MemoryHistory::default()
    };
    if whole {
        memory.anon_bytes = usage(|sample| sample.anon);
        memory.shmem_bytes = usage(|sample| sample.shmem);
        memory.kernel_bytes = usage(|sample| sample.kernel);
        memory.swap_bytes = usage(|sample| sample.swap);
        let known = |sample: &Sample| (sample.refaults != u32::MAX).then(|| u64::from(sample.refaults));
        memory.refaults = samples.iter().map(known).collect();
        let known = |sample: &Sample| (sample.stall != u16::MAX).then_some(sample.stall);
        memory.stall_permille = samples.iter().map(known).collect();
    }
    memory
}

pub(super) fn process(process: &Process, until: u64) -> ProcessHistory {
    let samples = process.series.until(until).iter();
    let known = samples.filter_map(|sample| Some((sample.at_ns, sample.bytes.bytes()?)));
    let (at_ns, resident_bytes) = known.unzip();
    ProcessHistory {
        pid: process.pid,
        start_boot_ns: process.start_ns,
        comm: Some(ByteString::until_nul(&process.comm)),
        memcg: Some(process.memcg),
        at_ns,
        resident_bytes,
    }
}

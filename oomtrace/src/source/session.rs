//! The first frame: the facts about this machine and this tracer that are needed to read all other frames.

use std::{collections::BTreeMap, env, fs, os::unix::ffi::OsStringExt as _};

use oomtrace_common::frame::Kind;

use super::{cgroup::cgroupfs::MemoryHierarchy, process::procfs};
use crate::{
    bytes::ByteString,
    context::{CODES, HookState, Session},
    frame::context_frame,
    kernel::{clock, cmdlines::Cmdlines, facts::KernelFacts, layout::Resolved, load::Armed},
};

/// Returns the session frame of a live run. `killers` are programs whose purpose is to kill processes when memory is short.
#[must_use]
pub(crate) fn frame(
    armed: &Armed,
    facts: KernelFacts,
    resolved: &Resolved,
    killers: Vec<ByteString>,
) -> Vec<u8> {
    let session = Session { killers, ..session(armed, facts, resolved) };
    context_frame(Kind::Session, clock::boot_ns(), 0, &session)
}

fn session(armed: &Armed, facts: KernelFacts, resolved: &Resolved) -> Session {
    let hooks = armed.hooks.iter().map(|outcome| HookState {
        name: outcome.hook.name.to_owned(),
        tier: outcome.way.map(|way| way.tier),
    });
    let uname = rustix::system::uname();
    Session {
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        kernel_release: uname.release().to_string_lossy().into_owned(),
        host: uname.nodename().to_string_lossy().into_owned(),
        boot_id: fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|id| id.trim().to_owned()),
        wall_offset_ns: clock::wall_offset_ns(),
        monotonic_offset_ns: Some(clock::monotonic_offset_ns()),
        page_size: u64::try_from(rustix::param::page_size()).unwrap_or(4096),
        tier: armed.tier,
        hooks: hooks.collect(),
        facts,
        layout: layout(resolved),
        sysctls: procfs::sysctls(),
        memory_hierarchy: MemoryHierarchy::find().map(|hierarchy| hierarchy.name().to_owned()),
        memory_nodes: memory_nodes(),
        command_line: command_line(armed.cmdlines),
        killers: Vec::new(),
        codes: CODES,
    }
}

/// Returns the arguments of the tracer. They include the command that it runs, if any.
fn command_line(cmdlines: Cmdlines) -> Vec<ByteString> {
    match cmdlines {
        Cmdlines::Read => env::args_os().map(|argument| ByteString::from(argument.into_vec())).collect(),
        Cmdlines::Never => Vec::new(),
    }
}

/// Returns the slots that this kernel has, by name.
fn layout(resolved: &Resolved) -> BTreeMap<String, u32> {
    let found = resolved.findings.iter();
    found.filter_map(|finding| Some((finding.slot.to_owned(), finding.value?))).collect()
}

/// Returns the number of nodes with memory; absent on kernels without NUMA support.
fn memory_nodes() -> Option<usize> {
    count(&fs::read_to_string("/sys/devices/system/node/has_memory").ok()?)
}

/// Counts the numbers in a list such as `0-1,4`.
fn count(list: &str) -> Option<usize> {
    let ranges = list.trim().split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
        last.checked_sub(first)?.checked_add(1)
    });
    ranges.sum()
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn counts_nodes_in_a_list() {
        assert_eq!([count("0\n"), count("0-1\n"), count("0-2,4,8-9")], [Some(1), Some(2), Some(6)]);
        assert_eq!([count(""), count("1-0"), count("x")], [None; 3]);
    }
}

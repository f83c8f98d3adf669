//! Starts tracing: privileges, BTF, layout, self-check, hooks. Each step can fail with a message.

use std::path::{Path, PathBuf};

use aya::{Btf as AyaBtf, BtfError as AyaBtfError, Endianness};
use oomtrace_common::layout::{ABSENT, KernelLayout, KernelValues};

use super::{
    btf::{Btf, BtfError, Kind, LookupError, masked},
    cmdlines::Cmdlines,
    facts::KernelFacts,
    kallsyms,
    layout::{LayoutError, Resolved, resolve},
    load::{Armed, LoadError, arm, hooks::HOOKS, open, own_task},
    privilege::{Privileges, confidentiality_lockdown},
    selfcheck::{self, SelfCheckError, SelfFacts},
    tier::{Tier, Wanted},
    tracefs,
};
use crate::exit::Exit;

/// The file with the running kernel's types.
pub const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";

/// The reason why tracing could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The process is not root and lacks capabilities.
    #[error("tracing needs {}: run it as root (sudo oomtrace), or give the binary these capabilities", .missing.join(" and "))]
    Privilege {
        /// Names of the missing capabilities.
        missing: Vec<&'static str>,
    },
    /// The kernel has no type information.
    #[error(
        "this kernel has no type information ({}): it needs CONFIG_DEBUG_INFO_BTF=y, which distribution kernels since \
         5.10 have, and /sys must be mounted",
        .path.display()
    )]
    NoBtf {
        /// The expected path.
        path: PathBuf,
    },
    /// The type information cannot be read.
    #[error(transparent)]
    Btf(#[from] BtfError),
    /// aya could not read it.
    #[error("the kernel's type information could not be used to attach programs: {0}")]
    Attach(#[source] AyaBtfError),
    /// A field is missing that every report needs.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// An enumerator is missing that every report needs.
    #[error(transparent)]
    Facts(#[from] LookupError),
    /// A field of the decision is missing, and a tier that reads it was requested.
    #[error("--tier {}: this kernel's BTF does not describe {slot}, which oomtrace needs to read the decision", .tier.name())]
    Decision {
        /// The requested tier.
        tier: Tier,
        /// The field.
        slot: &'static str,
    },
    /// A value read through the layout differs from procfs.
    #[error(transparent)]
    SelfCheck(#[from] SelfCheckError),
    /// The kernel rejected the programs.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl StartError {
    /// The exit status of the command.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Privilege { .. } => Exit::Privilege,
            Self::NoBtf { .. }
            | Self::Btf(_)
            | Self::Attach(_)
            | Self::Layout(_)
            | Self::Facts(_)
            | Self::Decision { .. }
            | Self::SelfCheck(_)
            | Self::Load(_) => Exit::Kernel,
        }
    }
}

/// The result of [`start`].
#[derive(Debug)]
pub struct Started {
    /// The loaded eBPF side.
    pub armed: Armed,
    /// Numbers of the kernel that reports need.
    pub facts: KernelFacts,
    /// The layout that the eBPF side uses.
    pub resolved: Resolved,
}

/// The facts about the kernel that are known before anything is loaded.
pub struct Known {
    /// The kernel's types that programs attach to.
    pub targets: AyaBtf,
    /// The layout, and how each slot was found.
    pub resolved: Resolved,
    /// Numbers for user space.
    pub facts: KernelFacts,
    /// Numbers for the kernel side.
    pub values: KernelValues,
}

/// Checks whether this process may trace.
///
/// # Errors
///
/// [`StartError::Privilege`], or [`LoadError::Lockdown`].
pub fn permitted() -> Result<(), StartError> {
    let missing = Privileges::of_this_process().missing();
    if !missing.is_empty() {
        return Err(StartError::Privilege { missing });
    }
    if confidentiality_lockdown() == Some(true) {
        return Err(LoadError::Lockdown.into());
    }
    Ok(())
}

/// Resolves the layout of the running kernel.
///
/// # Errors
///
/// If there is no BTF, it is broken, or it lacks a required field.
pub fn know() -> Result<Known, StartError> {
    let path = Path::new(BTF_PATH);
    if !path.exists() {
        return Err(StartError::NoBtf { path: path.to_owned() });
    }
    let btf = Btf::read(path)?;
    let mut resolved = resolve(&btf)?;
    if let Some(offset) = tracefs::field_offset("oom", "mark_victim", "pid") {
        resolved.place("event_mark_victim_pid", offset, "the format file of oom:mark_victim");
    }
    #[cfg(feature = "faults")]
    if let Some((slot, bytes)) = crate::faults::shift() {
        super::fault::shift(&mut resolved, slot, bytes);
    }
    let facts = KernelFacts::read(&btf)?;
    let values = values(&btf, &resolved.layout);
    let targets = attach_targets(btf)?;
    Ok(Known { targets, resolved, facts, values })
}

/// Loads and attaches everything.
///
/// # Errors
///
/// A message for the user.
pub fn start(wanted: Wanted, cmdlines: Cmdlines) -> Result<Started, StartError> {
    permitted()?;
    let mut known = know()?;
    if cmdlines == Cmdlines::Never {
        // If the eBPF side does not know where the arguments begin, it copies none.
        known.resolved.forget("mm_struct_arg_start");
    }
    let armed = Armed { cmdlines, ..try_all(&known, wanted)? };
    Ok(Started { armed, facts: known.facts, resolved: known.resolved })
}

/// Loads and attaches everything, for a kernel whose facts are known.
///
/// # Errors
///
/// Those of [`start`].
pub fn try_all(known: &Known, wanted: Wanted) -> Result<Armed, StartError> {
    let Known { targets, resolved, values, .. } = known;
    let layout = &resolved.layout;
    let wanted = within(resolved, wanted)?;
    raise_memlock();
    let mut ebpf = open(layout, values)?;
    let self_checked = check_self(&mut ebpf, layout)?;
    Ok(Armed { self_checked, ..arm(ebpf, targets, layout, wanted)? })
}

/// The tiers that are possible on a kernel whose BTF does not describe the whole decision.
fn within(resolved: &Resolved, wanted: Wanted) -> Result<Wanted, StartError> {
    match (resolved.decision_missing(), wanted) {
        (None, _) => Ok(wanted),
        (Some(_), Wanted::Best | Wanted::Only(Tier::Tracepoint)) => Ok(Wanted::Only(Tier::Tracepoint)),
        (Some(finding), Wanted::Only(tier)) => Err(StartError::Decision { tier, slot: finding.slot }),
    }
}

/// Compares this process as the eBPF side reads it with procfs. Returns false if the kernel cannot run the reader on demand.
///
/// # Errors
///
/// If they differ, or the reader is rejected.
pub fn check_self(ebpf: &mut aya::Ebpf, layout: &KernelLayout) -> Result<bool, StartError> {
    let Some(task) = own_task::read(ebpf)? else { return Ok(false) };
    selfcheck::compare(&task, &SelfFacts::of_this_thread()?, layout)?;
    Ok(true)
}

/// The kernel's BTF in aya's form, reduced to the types that programs attach to, because parsing all of it would take longer
/// than everything else together. Takes the BTF, which may use megabytes of memory, and drops it before aya creates its own
/// copy.
///
/// # Errors
///
/// If aya cannot read it.
fn attach_targets(btf: Btf) -> Result<AyaBtf, StartError> {
    let targets = || HOOKS.iter().flat_map(|hook| hook.ways).flat_map(|way| way.programs);
    let functions = targets().map(|carrier| (Kind::Func, carrier.target.to_owned()));
    let tracepoints = targets().map(|carrier| (Kind::Typedef, format!("btf_trace_{}", carrier.target)));
    let names: Vec<(Kind, String)> = functions.chain(tracepoints).collect();
    let keep: Vec<(Kind, &str)> = names.iter().map(|(kind, name)| (*kind, name.as_str())).collect();
    let masked = masked(&btf, &keep)?;
    drop(btf);
    AyaBtf::parse(&masked, Endianness::default()).map_err(StartError::Attach)
}

fn values(btf: &Btf, layout: &KernelLayout) -> KernelValues {
    let [per_cpu_offset, nr_swap_pages, total_swap_pages] =
        kallsyms::addresses(["__per_cpu_offset", "nr_swap_pages", "total_swap_pages"]);
    // Some kernels have neither counters of a task nor free pages of a zone in per-CPU parts.
    let is_per_cpu = layout.mm_struct_rss_percpu != ABSENT || layout.zone_pageset != ABSENT;
    let per_cpu = per_cpu_offset.zip(possible_cpus()).filter(|_| is_per_cpu);
    KernelValues {
        per_cpu_offset: per_cpu.map_or(0, |(offset, _)| offset),
        nr_swap_pages: nr_swap_pages.unwrap_or(0),
        total_swap_pages: total_swap_pages.unwrap_or(0),
        cpus: per_cpu.map_or(0, |(_, cpus)| cpus),
        callers_hidden: u32::from(!finds_callers(btf)),
    }
}

/// Whether the kernel can walk the stack past a return probe, which replaces the return address of its function. The unwinder then
/// keeps its place in the list of replaced addresses, in a struct of its own on each architecture.
/// <https://github.com/torvalds/linux/blob/v6.12/arch/x86/include/asm/unwind.h>
/// <https://github.com/torvalds/linux/blob/v6.12/arch/arm64/kernel/stacktrace.c>
fn finds_callers(btf: &Btf) -> bool {
    ["unwind_state", "kunwind_state", "stackframe"].into_iter().any(|of| btf.locate(of, "kr_cur").is_ok())
}

/// The number of CPUs that may ever have a part of a per-CPU counter; `None` if it is unknown or more than the eBPF side adds.
fn possible_cpus() -> Option<u32> {
    let possible = std::fs::read_to_string("/sys/devices/system/cpu/possible").ok()?;
    let last: u32 = possible.trim().rsplit(['-', ',']).next()?.parse().ok()?;
    Some(last + 1).filter(|cpus| *cpus <= oomtrace_common::limits::COUNTER_CPUS)
}

/// Raises the limit of locked memory. Before 5.11, maps count against it.
fn raise_memlock() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // This fails without CAP_SYS_RESOURCE. Newer kernels do not need it, and an older one reports an error when it creates a
    // map.
    let _ = setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None });
}

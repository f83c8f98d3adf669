//! Deliberate faults, to show that the tests' witnesses bite: `OOMTRACE_FAULT` names the one place in which this tracer
//! goes wrong. In the program only with the cargo feature `faults`, and never in a release.
//!
//! This module knows which fault is asked for. The place itself goes wrong: the start for a slot, the ring for a frame,
//! `explain` for a rule.

use std::{
    env::{self, VarError},
    fmt,
    sync::OnceLock,
};

use oomtrace_common::frame::{FrameHeader, Kind};
use zerocopy::FromBytes as _;

#[cfg(all(feature = "faults", not(debug_assertions)))]
compile_error!("the feature `faults` makes reports wrong on purpose: it is for the tests' own builds");

/// The environment variable that names the fault.
pub const VARIABLE: &str = "OOMTRACE_FAULT";

/// How far an offset is shifted: to the next pointer or counter.
const SHIFT_BYTES: u32 = 8;

/// The fault of this process, once it was read.
static FAULT: OnceLock<Option<Fault>> = OnceLock::new();

/// One place that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `layout:SLOT`: this slot of [`oomtrace_common::layout::KernelLayout`] is 8 too large, where the kernel has it.
    Layout(&'static str),
    /// `drop:KIND`: the kernel's frames of this kind, as `oomtrace dump` names it, are thrown away and not counted.
    Drop(Kind),
    /// `rule:NAME`: this rule of the verdict decides the other way round.
    Rule(Rule),
}

/// A rule that can be inverted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `memcg_limit`: a memory cgroup's limit and the machine, taken for each other.
    MemcgLimit,
    /// `allocating_task`: the allocating task and the highest badness, taken for each other.
    AllocatingTask,
}

/// A value of [`VARIABLE`] that names no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{VARIABLE}={0} names no fault: write layout:SLOT, drop:KIND, rule:memcg_limit or rule:allocating_task"
)]
pub struct FaultError(String);

/// Takes the fault from the environment; the functions below do nothing before this was called. `slot` gives the slot of
/// the layout that has a name.
///
/// # Errors
///
/// If the variable is set to something that is none.
pub fn read(slot: impl Fn(&str) -> Option<&'static str>) -> Result<(), FaultError> {
    let fault = match env::var(VARIABLE) {
        Err(VarError::NotPresent) => None,
        Err(VarError::NotUnicode(text)) => return Err(FaultError(text.to_string_lossy().into_owned())),
        Ok(text) => Some(Fault::parse(&text, slot).ok_or(FaultError(text))?),
    };
    let fault = FAULT.get_or_init(|| fault);
    if let Some(fault) = fault {
        eprintln!("oomtrace: wrong on purpose ({fault})");
    }
    Ok(())
}

/// Where the layout was resolved: the slot to shift, and by how many bytes.
#[must_use]
pub fn shift() -> Option<(&'static str, u32)> {
    let Some(Fault::Layout(slot)) = fault() else { return None };
    Some((slot, SHIFT_BYTES))
}

/// Where a frame is taken from the ring: whether to throw it away.
#[must_use]
pub fn drops(frame: &[u8]) -> bool {
    fault().is_some_and(|fault| fault.drops(frame))
}

/// Where the verdict was found: the rule to invert.
#[must_use]
pub fn rule() -> Option<Rule> {
    let Some(Fault::Rule(rule)) = fault() else { return None };
    Some(rule)
}

fn fault() -> Option<Fault> {
    FAULT.get().copied().flatten()
}

impl Fault {
    /// Reads what the variable holds; `None` if it names no fault.
    pub fn parse(text: &str, slot: impl Fn(&str) -> Option<&'static str>) -> Option<Self> {
        let (place, name) = text.split_once(':')?;
        match place {
            "layout" => slot(name).map(Self::Layout),
            "drop" => Kind::ALL.into_iter().find(|kind| is_kernel_kind(*kind, name)).map(Self::Drop),
            "rule" => Rule::ALL.into_iter().find(|rule| rule.name() == name).map(Self::Rule),
            _ => None,
        }
    }

    fn drops(self, frame: &[u8]) -> bool {
        let header = FrameHeader::read_from_prefix(frame).ok().map(|(header, _)| header);
        matches!(self, Self::Drop(kind) if header.is_some_and(|header| header.kind == kind.number()))
    }
}

impl Rule {
    const ALL: [Self; 2] = [Self::MemcgLimit, Self::AllocatingTask];

    const fn name(self) -> &'static str {
        match self {
            Self::MemcgLimit => "memcg_limit",
            Self::AllocatingTask => "allocating_task",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layout(slot) => write!(f, "layout:{slot}"),
            Self::Drop(kind) => write!(f, "drop:{kind:?}"),
            Self::Rule(rule) => write!(f, "rule:{}", rule.name()),
        }
    }
}

/// Context frames are not the kernel's, and do not come through the ring.
fn is_kernel_kind(kind: Kind, name: &str) -> bool {
    kind.number() < Kind::FIRST_CONTEXT && format!("{kind:?}") == name
}

#[cfg(test)]
mod tests;

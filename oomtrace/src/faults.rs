//! Deliberate faults, to show that the tests' checks detect them. `OOMTRACE_FAULT` names the one place where this tracer is
//! wrong. Only builds with the cargo feature `faults` contain them, and releases never do.
//!
//! This module knows which fault was requested. The places themselves apply it: the start for a slot, the ring for a frame,
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

/// The shift of an offset: to the next pointer or counter.
const SHIFT_BYTES: u32 = 8;

/// The fault of this process, once it has been read.
static FAULT: OnceLock<Option<Fault>> = OnceLock::new();

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `layout:SLOT`: this slot of [`oomtrace_common::layout::KernelLayout`] is 8 too large, if the kernel has it.
    Layout(&'static str),
    /// `drop:KIND`: the kernel's frames of this kind, with the name from `oomtrace dump`, are dropped and not counted.
    Drop(Kind),
    /// `rule:NAME`: this rule of the verdict is inverted.
    Rule(Rule),
}

/// A rule that can be inverted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `memcg_limit`: swaps a memory cgroup's limit and the machine.
    MemcgLimit,
    /// `allocating_task`: swaps the allocating task and the highest badness.
    AllocatingTask,
}

/// A value of [`VARIABLE`] that does not name a fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{VARIABLE}={0} names no fault: write layout:SLOT, drop:KIND, rule:memcg_limit or rule:allocating_task"
)]
pub struct FaultError(String);

/// Reads the fault from the environment. The functions below do nothing before that. `slot` returns the slot of the layout with
/// a given name.
///
/// # Errors
///
/// If the value of the variable is not a fault.
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

/// The slot to shift after the layout was resolved, and the number of bytes.
#[must_use]
pub fn shift() -> Option<(&'static str, u32)> {
    let Some(Fault::Layout(slot)) = fault() else { return None };
    Some((slot, SHIFT_BYTES))
}

/// Whether to drop a frame that was taken from the ring.
#[must_use]
pub fn drops(frame: &[u8]) -> bool {
    fault().is_some_and(|fault| fault.drops(frame))
}

/// The rule to invert in the verdict.
#[must_use]
pub fn rule() -> Option<Rule> {
    let Some(Fault::Rule(rule)) = fault() else { return None };
    Some(rule)
}

fn fault() -> Option<Fault> {
    FAULT.get().copied().flatten()
}

impl Fault {
    /// Parses the value of the variable; `None` if it does not name a fault.
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

/// Whether this is a frame kind of the kernel. Context frames do not come through the ring.
fn is_kernel_kind(kind: Kind, name: &str) -> bool {
    kind.number() < Kind::FIRST_CONTEXT && format!("{kind:?}") == name
}

#[cfg(test)]
mod tests;

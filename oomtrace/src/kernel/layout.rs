//! [`KernelLayout`] for a kernel: every slot of [`require`] is resolved from its BTF, or the kernel is rejected with the slot's
//! name.

use oomtrace_common::layout::{ABSENT, KernelLayout};
use serde::Serialize;
use zerocopy::IntoBytes as _;

use super::{
    btf::{Argument, Btf, BtfError, Kind, LookupError, Meaning},
    require::{self, Need, Pick, Place, Requirement, Shape},
};

/// A kernel's layout, and how each slot was resolved.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The layout that is frozen into the eBPF object.
    pub layout: KernelLayout,
    /// One finding per slot, in the order of the requirements.
    pub findings: Vec<Finding>,
}

/// The result for one slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name in [`KernelLayout`].
    pub slot: &'static str,
    /// An offset in bytes or a position; `None` if this kernel does not have it.
    pub value: Option<u32>,
    /// The spelling that was found, such as `kernfs_node.__parent`.
    pub spelling: Option<String>,
    /// The effect of its absence.
    pub need: Need,
    /// Whether oomtrace would refuse this kernel without it.
    pub required: bool,
    /// The spellings that were tried, if it is absent.
    pub absent_because: Option<String>,
}

/// A kernel whose layout cannot be determined.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A required slot without a value.
    #[error("this kernel's BTF does not describe {slot}, which every report needs: {tried}")]
    Missing {
        /// The slot.
        slot: &'static str,
        /// Each spelling and why it was rejected.
        tried: String,
    },
    /// Broken BTF.
    #[error(transparent)]
    Btf(#[from] BtfError),
}

/// Resolves every slot.
///
/// # Errors
/// If a required slot is missing, has another size or sign, or has two definitions that disagree, or if the BTF is broken.
pub fn resolve(btf: &Btf) -> Result<Resolved, LayoutError> {
    let mut resolved = Resolved { layout: KernelLayout::UNRESOLVED, findings: Vec::new() };
    for requirement in require::all() {
        let finding = find(btf, requirement)?;
        if let (true, None) = (finding.required, finding.value) {
            let tried = finding.absent_because.unwrap_or_default();
            return Err(LayoutError::Missing { slot: requirement.name, tried });
        }
        resolved.set(requirement.slot, finding.value);
        resolved.findings.push(finding);
    }
    Ok(resolved)
}

impl Resolved {
    /// Sets a value that tracefs has and BTF does not, such as `event_mark_victim_pid`. Returns `false` if there is no such
    /// slot.
    pub fn place(&mut self, slot: &str, value: u32, spelling: &str) -> bool {
        let Some(requirement) = require::all().find(|requirement| requirement.name == slot) else {
            return false;
        };
        self.set(requirement.slot, Some(value));
        for finding in self.findings.iter_mut().filter(|finding| finding.slot == slot) {
            finding.value = Some(value);
            finding.spelling = Some(spelling.to_owned());
            finding.absent_because = None;
        }
        true
    }

    /// Treats a slot as missing on this kernel.
    pub(super) fn forget(&mut self, slot: &str) {
        self.place(slot, ABSENT, "");
        for finding in self.findings.iter_mut().filter(|finding| finding.slot == slot) {
            (finding.value, finding.spelling) = (None, None);
        }
    }

    /// The first missing slot that is needed to see a decision. If there is one, only the tracepoint tier gives correct
    /// reports.
    #[must_use]
    pub fn decision_missing(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.need == Need::Decision && finding.value.is_none())
    }

    fn set(&mut self, slot: usize, value: Option<u32>) {
        let bytes = self.layout.as_mut_bytes().get_mut(slot..).and_then(|rest| rest.first_chunk_mut::<4>());
        if let (Some(bytes), Some(value)) = (bytes, value) {
            *bytes = value.to_ne_bytes();
        }
    }
}

/// Looks for one slot in its places, in their order.
pub(super) fn find(btf: &Btf, requirement: &Requirement) -> Result<Finding, BtfError> {
    let Requirement { name: slot, need, places, .. } = *requirement;
    let mut finding = Finding {
        slot,
        value: None,
        spelling: None,
        need,
        required: need.is_required(btf),
        absent_because: None,
    };
    let mut tried = Vec::new();
    for place in places {
        match value(btf, place) {
            Ok(value) => {
                finding.value = Some(value);
                finding.spelling = Some(place.to_string());
                return Ok(finding);
            }
            Err(LookupError::Btf(broken)) => return Err(broken),
            // Trying an older spelling would be a guess.
            Err(why @ LookupError::Ambiguous { .. }) => {
                finding.absent_because = Some(why.to_string());
                return Ok(finding);
            }
            Err(why) => tried.push(why.to_string()),
        }
    }
    finding.absent_because = Some(tried.join("; "));
    Ok(finding)
}

/// The value at one place.
fn value(btf: &Btf, place: &Place) -> Result<u32, LookupError> {
    match *place {
        Place::Member { of, path, shape } => member(btf, of, path, Some(shape)),
        Place::Distance { of, from, to, shape } => {
            let far = member(btf, of, to, Some(shape))?;
            let near = member(btf, of, from, None)?;
            far.checked_sub(near).ok_or_else(|| wrong(place, "before it", "a member after the first"))
        }
        Place::Length { of, path } => length(place, btf.locate(of, path)?.meaning),
        Place::Size { of } => btf.size_of(of),
        Place::Parameter { function, name, to } => parameter(&btf.parameters(function)?, place, name, to),
        Place::Source { function, at, .. } => in_source(btf, place, function, at),
        Place::Result { function } => position(btf.parameters(function)?.len(), place),
        Place::Trace { event, pick } => position(argument(&btf.trace_arguments(event)?, place, pick)?, place),
        Place::Format { .. } => Err(wrong(place, "not in BTF", "tracefs")),
    }
}

fn member(btf: &Btf, of: &str, path: &str, shape: Option<Shape>) -> Result<u32, LookupError> {
    let located = btf.locate(of, path)?;
    let spelling = || format!("{of}.{path}");
    if let Some(shape) = shape.filter(|shape| !shape.fits(&located.meaning)) {
        let found = located.meaning.to_string();
        return Err(LookupError::Type { path: spelling(), found, expected: shape.to_string() });
    }
    located.byte_offset().ok_or_else(|| LookupError::BitField { path: spelling() })
}

fn length(place: &Place, found: Meaning<'_>) -> Result<u32, LookupError> {
    if let Meaning::Array { count, .. } = found {
        return Ok(count);
    }
    Err(wrong(place, &found.to_string(), "an array"))
}

/// Finds a parameter by name, or by type if no parameter with this type has a name.
fn parameter(all: &[Argument<'_>], place: &Place, name: &str, to: &str) -> Result<u32, LookupError> {
    let of_type = |argument: &Argument<'_>| argument.meaning == Meaning::Pointer { to };
    if let Some(at) = all.iter().position(|argument| argument.name == name) {
        let fits = all.get(at).is_some_and(of_type);
        let found = || all.get(at).map_or_else(String::new, |argument| argument.meaning.to_string());
        return if fits {
            position(at, place)
        } else {
            Err(wrong(place, &found(), &format!("a pointer to {to}")))
        };
    }
    let unnamed = |argument: &Argument<'_>| argument.name.is_empty() && of_type(argument);
    position(only(all, unnamed).ok_or_else(|| none(place, &format!("`{name}`")))?, place)
}

/// The position in the source. If BTF has a prototype, it contradicts that position, because the prototype was tried before and
/// has no such parameter.
fn in_source(btf: &Btf, place: &Place, function: &str, at: u32) -> Result<u32, LookupError> {
    if btf.find(Kind::Func, function).next().is_some() {
        return Err(wrong(place, "in BTF, without this parameter", "a function that BTF does not have"));
    }
    Ok(at)
}

fn argument(all: &[Argument<'_>], place: &Place, pick: Pick) -> Result<usize, LookupError> {
    let is_int = |argument: &Argument<'_>| argument.meaning == Meaning::Int { size: 4, signed: true };
    let points = |argument: &Argument<'_>, to| argument.meaning == Meaning::Pointer { to };
    let found = match pick {
        Pick::Pointer(to) => only(all, |argument| points(argument, to)),
        Pick::Pid if all.iter().any(|argument| points(argument, "task_struct")) => None,
        Pick::Pid => only(all, is_int),
        Pick::Int { nth, of } => {
            let ints = all.iter().enumerate().filter(|(_, argument)| is_int(argument));
            if ints.clone().count() == of { ints.map(|(at, _)| at).nth(nth) } else { None }
        }
    };
    found.ok_or_else(|| none(place, "of that type"))
}

/// The position of the only argument that matches; `None` if none or several do.
fn only(all: &[Argument<'_>], passes: impl Fn(&Argument<'_>) -> bool) -> Option<usize> {
    let at = all.iter().position(&passes)?;
    (all.iter().filter(|argument| passes(argument)).count() == 1).then_some(at)
}

fn position(at: usize, place: &Place) -> Result<u32, LookupError> {
    u32::try_from(at).map_err(|_| none(place, "so far back"))
}

fn none(place: &Place, parameter: &str) -> LookupError {
    LookupError::NoParameter { function: place.to_string(), parameter: parameter.to_owned() }
}

fn wrong(place: &Place, found: &str, expected: &str) -> LookupError {
    LookupError::Type { path: place.to_string(), found: found.to_owned(), expected: expected.to_owned() }
}

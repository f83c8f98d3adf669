//! Jobs of batch systems: a table of the names that they give to cgroups, one rule per line.

use serde::Serialize;

use super::{Walk, shape::Shape};
use crate::bytes::ByteString;

/// A batch system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// Slurm.
    Slurm,
    /// Flux.
    Flux,
    /// HTCondor: a slot, which runs one job at a time.
    HtCondor,
    /// PBS Pro, OpenPBS and TORQUE.
    Pbs,
    /// A container of Hadoop YARN.
    Yarn,
}

impl JobKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Slurm, Self::Flux, Self::HtCondor, Self::Pbs, Self::Yarn];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slurm => "slurm",
            Self::Flux => "flux",
            Self::HtCondor => "htcondor",
            Self::Pbs => "pbs",
            Self::Yarn => "yarn",
        }
    }
}

/// A job, as far as the path of its cgroup shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Job {
    /// The batch system.
    pub kind: JobKind,
    /// The identifier that the batch system uses.
    pub id: ByteString,
}

/// The place of a job's cgroup.
#[derive(Clone, Copy)]
enum In {
    /// Anywhere.
    Any,
    /// In a cgroup of this name.
    Of(&'static str),
    /// In a cgroup whose name ends like this.
    OfEnding(&'static str),
    /// In a cgroup whose name begins like this, or with one user's cgroup in between.
    Slurm,
}

/// One way in which a batch system names a cgroup: the place, the prefix of the identifier, its form, and the suffix.
struct Rule(JobKind, In, &'static str, Shape, &'static str);

/// The grammar.
const RULES: &[Rule] = &[
    Rule(JobKind::Slurm, In::Slurm, "job_", Shape::Number, ""),
    Rule(JobKind::Slurm, In::OfEnding("slurmstepd.scope"), "job_", Shape::Number, ""),
    Rule(JobKind::Slurm, In::OfEnding("slurmstepd.scope"), "", Shape::Sluid, ""),
    Rule(JobKind::Flux, In::Any, "imp-shell-#-", Shape::F58, ".service"),
    Rule(JobKind::Flux, In::Any, "shell-#-", Shape::F58, ".service"),
    Rule(JobKind::HtCondor, In::Any, "condor_*_slot", Shape::Name, ""),
    Rule(JobKind::Pbs, In::Of("jobid"), "", Shape::NumberHost, ""),
    Rule(JobKind::Pbs, In::Of("pbspro"), "", Shape::NumberHost, ""),
    Rule(JobKind::Pbs, In::Of("torque"), "", Shape::NumberHost, ""),
    Rule(JobKind::Pbs, In::Of("jobs"), "", Shape::NumberHost, ""),
    Rule(JobKind::Yarn, In::Any, "", Shape::Yarn, ""),
];

/// The job whose cgroup this level is.
pub(super) fn at(walk: &Walk<'_>, level: &[u8]) -> Option<Job> {
    RULES.iter().find_map(|rule| {
        let id = rule.id(walk, level)?;
        Some(Job { kind: rule.0, id: ByteString::from(id.to_vec()) })
    })
}

impl Rule {
    /// The identifier in a level, if the rule is about it.
    fn id<'a>(&self, walk: &Walk<'_>, level: &'a [u8]) -> Option<&'a [u8]> {
        let Self(_, place, before, shape, after) = self;
        let rest = if place.holds(walk) { behind(level, before.as_bytes())? } else { return None };
        let id = rest.strip_suffix(after.as_bytes())?;
        shape.fits(id).then_some(id)
    }
}

/// Returns the bytes after a prefix. `#` in the prefix stands for a number. `*` and a word stand for everything up to the last
/// occurrence of the word, and the word itself belongs to the identifier: `slot1_1@node`.
fn behind<'a>(level: &'a [u8], before: &[u8]) -> Option<&'a [u8]> {
    if let Some(place) = before.iter().position(|byte| *byte == b'*') {
        let word = before.get(place + 1..)?;
        level.strip_prefix(before.get(..place)?)?;
        let last = level.windows(word.len()).rposition(|window| window == word)?;
        return level.get(last + 1..);
    }
    let Some(place) = before.iter().position(|byte| *byte == b'#') else { return level.strip_prefix(before) };
    let rest = level.strip_prefix(before.get(..place)?)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    rest.get(digits..).filter(|_| digits > 0)?.strip_prefix(before.get(place + 1..)?)
}

impl In {
    fn holds(self, walk: &Walk<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Of(name) => walk.parent() == name.as_bytes(),
            Self::OfEnding(end) => walk.parent().ends_with(end.as_bytes()),
            Self::Slurm => {
                let is_user = walk.parent().strip_prefix(b"uid_").is_some_and(|uid| Shape::Number.fits(uid));
                let above = if is_user { walk.grandparent() } else { walk.parent() };
                above == b"slurm" || above.starts_with(b"slurm_")
            }
        }
    }
}

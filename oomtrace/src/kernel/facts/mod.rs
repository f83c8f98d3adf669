//! Numbers that differ between kernels and are needed to read an event. Recordings contain them.

mod gfp;
mod memory;

use serde::{Deserialize, Serialize};

pub use self::{
    gfp::{GfpBit, GfpNaming, gfp_flag, gfp_names},
    memory::MemoryNames,
};
use super::btf::{Btf, Enumerator, LookupError};

/// The facts that a decoder needs about the kernel of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelFacts {
    /// The numbers of `enum oom_constraint`.
    pub constraint: Constraints,
    /// The source of the kernel's flag names.
    pub gfp_naming: GfpNaming,
    /// The bits of `gfp_t` that have a name, lowest first.
    pub gfp_bits: Vec<GfpBit>,
    /// Names of counters, zones and migrate types; empty in recordings of older versions.
    #[serde(default)]
    pub memory: MemoryNames,
}

/// The numbers of `enum oom_constraint`.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/oom.h#L18>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraints {
    /// `CONSTRAINT_NONE`.
    pub none: u32,
    /// `CONSTRAINT_CPUSET`.
    pub cpuset: u32,
    /// `CONSTRAINT_MEMORY_POLICY`.
    pub memory_policy: u32,
    /// `CONSTRAINT_MEMCG`.
    pub memcg: u32,
}

/// The constraint that kept an allocation from using all memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Constraint {
    /// No constraint: the machine ran out.
    None,
    /// A cpuset.
    Cpuset,
    /// A memory policy.
    MemoryPolicy,
    /// A memory cgroup's limit.
    Memcg,
}

impl Constraints {
    /// The meaning of this kernel's number; `None` for an unknown number.
    #[must_use]
    pub fn meaning(&self, number: u32) -> Option<Constraint> {
        let Self { none, cpuset, memory_policy, memcg } = *self;
        [
            (none, Constraint::None),
            (cpuset, Constraint::Cpuset),
            (memory_policy, Constraint::MemoryPolicy),
            (memcg, Constraint::Memcg),
        ]
        .into_iter()
        .find_map(|(of, constraint)| (of == number).then_some(constraint))
    }
}

impl KernelFacts {
    /// Reads the facts from a kernel's BTF.
    ///
    /// # Errors
    /// If `enum oom_constraint` is missing or lacks one of its names.
    pub fn read(btf: &Btf) -> Result<Self, LookupError> {
        let number = |name: &str| {
            let value = btf.enumerator(Some("oom_constraint"), name)?;
            u32::try_from(value).map_err(|_| LookupError::NoEnumerator { name: format!("{name} = {value}") })
        };
        let constraint = Constraints {
            none: number("CONSTRAINT_NONE")?,
            cpuset: number("CONSTRAINT_CPUSET")?,
            memory_policy: number("CONSTRAINT_MEMORY_POLICY")?,
            memcg: number("CONSTRAINT_MEMCG")?,
        };
        let (gfp_naming, gfp_bits) = gfp_bits(btf);
        Ok(Self { constraint, gfp_naming, gfp_bits, memory: MemoryNames::read(btf) })
    }
}

/// The named enums that the facts are read from. A fixture must keep them.
pub const ENUMS: &[&str] =
    &["oom_constraint", "zone_stat_item", "node_stat_item", "migratetype", "zone_type", "zone_watermarks"];

/// Prefixes of the enumerators of unnamed enums that the facts are read from.
pub const ENUMERATORS: &[&str] = &["___GFP_"];

/// The bits are enumerators `___GFP_*_BIT` since 6.9 (commit 772dd0342727). Before, they are macros, which BTF does not have.
fn gfp_bits(btf: &Btf) -> (GfpNaming, Vec<GfpBit>) {
    let mut bits: Vec<GfpBit> = btf
        .enums(None)
        .flat_map(|unnamed| unnamed.enumerators())
        .filter_map(|Enumerator { name, value }| {
            let flag = name.strip_prefix("___GFP_")?.strip_suffix("_BIT")?;
            let bit = u8::try_from(value).ok().filter(|bit| *bit < 64)?;
            // One bit that is not used, and the number of bits.
            (flag != "UNUSED" && flag != "LAST").then(|| GfpBit { bit, name: format!("__GFP_{flag}") })
        })
        .collect();
    if bits.is_empty() {
        return (GfpNaming::Macros, gfp::macro_bits());
    }
    bits.sort_unstable_by_key(|GfpBit { bit, .. }| *bit);
    bits.dedup();
    (GfpNaming::Enumerators, bits)
}

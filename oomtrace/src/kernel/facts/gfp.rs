//! A `gfp_mask` in the words of the kernel's own log (`%pGg`): composite names first, then single flags, then the bits without
//! a name as one number.
//! <https://github.com/torvalds/linux/blob/v6.12/include/trace/events/mmflags.h#L64>

use serde::{Deserialize, Serialize};

use super::KernelFacts;

/// A bit of `gfp_t`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GfpBit {
    /// Its position.
    pub bit: u8,
    /// Its name, such as `__GFP_IO`.
    pub name: String,
}

impl GfpBit {
    /// Its value; 0 for a position beyond any mask, which a broken recording may contain.
    fn value(&self) -> u64 {
        1_u64.checked_shl(self.bit.into()).unwrap_or(0)
    }
}

/// The source of the names of the bits. The two kinds of kernel also compose and order the names differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GfpNaming {
    /// Enumerators in BTF: 6.9 and later. Single flags are in the order of their bits, as in the log of 6.18 to 7.3. The log of
    /// 6.12 still has the older order, which BTF does not show.
    Enumerators,
    /// A table for kernels that have macros: before 6.9.
    Macros,
}

/// A name and the flags that it stands for, without `__GFP_`. A flag that a kernel lacks is ignored, as in the kernel's own
/// headers.
type Composite = (&'static str, &'static [&'static str]);

/// Names that stand for several flags, in the kernel's order.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/gfp_types.h#L367>
const COMPOSITES: &[Composite] = &[
    (
        "GFP_TRANSHUGE",
        &[
            "DIRECT_RECLAIM",
            "IO",
            "FS",
            "HARDWALL",
            "HIGHMEM",
            "MOVABLE",
            "SKIP_KASAN",
            "COMP",
            "NOMEMALLOC",
            "NOWARN",
        ],
    ),
    (
        "GFP_TRANSHUGE_LIGHT",
        &["IO", "FS", "HARDWALL", "HIGHMEM", "MOVABLE", "SKIP_KASAN", "COMP", "NOMEMALLOC", "NOWARN"],
    ),
    (
        "GFP_HIGHUSER_MOVABLE",
        &["DIRECT_RECLAIM", "KSWAPD_RECLAIM", "IO", "FS", "HARDWALL", "HIGHMEM", "MOVABLE", "SKIP_KASAN"],
    ),
    ("GFP_HIGHUSER", &["DIRECT_RECLAIM", "KSWAPD_RECLAIM", "IO", "FS", "HARDWALL", "HIGHMEM"]),
    ("GFP_USER", &["DIRECT_RECLAIM", "KSWAPD_RECLAIM", "IO", "FS", "HARDWALL"]),
    ("GFP_KERNEL_ACCOUNT", &["DIRECT_RECLAIM", "KSWAPD_RECLAIM", "IO", "FS", "ACCOUNT"]),
    ("GFP_KERNEL", &["DIRECT_RECLAIM", "KSWAPD_RECLAIM", "IO", "FS"]),
    ("GFP_NOFS", &["DIRECT_RECLAIM", "KSWAPD_RECLAIM", "IO"]),
    ("GFP_ATOMIC", &["HIGH", "ATOMIC", "KSWAPD_RECLAIM"]),
    ("GFP_NOIO", &["DIRECT_RECLAIM", "KSWAPD_RECLAIM"]),
];

/// `GFP_NOWAIT` implies `__GFP_NOWARN` since 6.8, commit 16f5dfbc851b. The release 6.8, which has no enumerators yet, is read
/// like the older ones. An allocation without direct reclaim never leads to an OOM kill.
static NOWAIT: Composite = ("GFP_NOWAIT", &["KSWAPD_RECLAIM", "NOWARN"]);
static NOWAIT_OF_MACROS: Composite = ("GFP_NOWAIT", &["KSWAPD_RECLAIM"]);

/// Single flags that have another name in the log.
static DMA: Composite = ("GFP_DMA", &["DMA"]);
static DMA32: Composite = ("GFP_DMA32", &["DMA32"]);
static RECLAIM: Composite = ("__GFP_RECLAIM", &["DIRECT_RECLAIM", "KSWAPD_RECLAIM"]);

/// Flags of kernels whose flags are macros: the bits below 23, the same in all of them.
/// <https://github.com/torvalds/linux/blob/v5.10/include/linux/gfp.h#L16>
/// Bit 9 was removed in 6.3 and not used again, so its meaning is unique.
const MACRO_BITS: &[(u8, &str)] = &[
    (0, "DMA"),
    (1, "HIGHMEM"),
    (2, "DMA32"),
    (3, "MOVABLE"),
    (4, "RECLAIMABLE"),
    (5, "HIGH"),
    (6, "IO"),
    (7, "FS"),
    (8, "ZERO"),
    (9, "ATOMIC"),
    (10, "DIRECT_RECLAIM"),
    (11, "KSWAPD_RECLAIM"),
    (12, "WRITE"),
    (13, "NOWARN"),
    (14, "RETRY_MAYFAIL"),
    (15, "NOFAIL"),
    (16, "NORETRY"),
    (17, "MEMALLOC"),
    (18, "COMP"),
    (19, "NOMEMALLOC"),
    (20, "HARDWALL"),
    (21, "THISNODE"),
    (22, "ACCOUNT"),
];

/// The order of single flags in the log of those kernels.
/// <https://github.com/torvalds/linux/blob/v5.10/include/trace/events/mmflags.h#L31>
const MACRO_ORDER: &[&str] = &[
    "HIGHMEM",
    "DMA32",
    "HIGH",
    "ATOMIC",
    "IO",
    "FS",
    "NOWARN",
    "RETRY_MAYFAIL",
    "NOFAIL",
    "NORETRY",
    "COMP",
    "ZERO",
    "NOMEMALLOC",
    "MEMALLOC",
    "HARDWALL",
    "THISNODE",
    "RECLAIMABLE",
    "MOVABLE",
    "ACCOUNT",
    "WRITE",
    "RECLAIM",
    "DIRECT_RECLAIM",
    "KSWAPD_RECLAIM",
];

/// The bits of a kernel whose flags are macros.
pub(super) fn macro_bits() -> Vec<GfpBit> {
    MACRO_BITS.iter().map(|(bit, name)| GfpBit { bit: *bit, name: format!("__GFP_{name}") }).collect()
}

/// The value of a single flag, such as `__GFP_FS`; `None` if this kernel has no flag with this name.
#[must_use]
pub fn gfp_flag(name: &str, facts: &KernelFacts) -> Option<u64> {
    let known = facts.gfp_bits.iter().find(|bit| bit.name == name);
    known.map(GfpBit::value).filter(|value| *value != 0)
}

/// The names of a mask's flags as in the kernel's log; empty for an empty mask. The bits without a name come last, as one
/// hexadecimal number.
#[must_use]
pub fn gfp_names(mask: u64, facts: &KernelFacts) -> Vec<String> {
    let mut left = mask;
    let mut names = Vec::new();
    for entry in table(facts) {
        // Most masks are one name near the top of the table.
        if left == 0 {
            break;
        }
        let bits = entry.bits(facts);
        if bits != 0 && left & bits == bits {
            left &= !bits;
            names.push(entry.name());
        }
    }
    if left != 0 {
        names.push(format!("{left:#x}"));
    }
    names
}

/// A name in the log.
#[derive(Clone, Copy)]
enum Entry<'a> {
    Composite(&'static Composite),
    /// A single flag, without `__GFP_`.
    Flag(&'static &'static str),
    Bit(&'a GfpBit),
}

impl Entry<'_> {
    fn name(self) -> String {
        match self {
            Self::Composite((name, _)) => (*name).to_owned(),
            Self::Flag(flag) => format!("__GFP_{flag}"),
            Self::Bit(bit) => bit.name.clone(),
        }
    }

    fn bits(self, facts: &KernelFacts) -> u64 {
        match self {
            Self::Composite((_, flags)) => bits_of(flags, facts),
            Self::Flag(flag) => bits_of(std::slice::from_ref(flag), facts),
            Self::Bit(bit) => bit.value(),
        }
    }
}

/// All names, in the kernel's order.
fn table(facts: &KernelFacts) -> Vec<Entry<'_>> {
    let mut names: Vec<Entry<'_>> = COMPOSITES.iter().map(Entry::Composite).collect();
    match facts.gfp_naming {
        GfpNaming::Enumerators => {
            names.extend([&NOWAIT, &DMA, &DMA32, &RECLAIM].map(Entry::Composite));
            names.extend(facts.gfp_bits.iter().map(Entry::Bit));
        }
        GfpNaming::Macros => {
            names.extend([&NOWAIT_OF_MACROS, &DMA].map(Entry::Composite));
            names.extend(MACRO_ORDER.iter().map(|flag| match *flag {
                "DMA32" => Entry::Composite(&DMA32),
                "RECLAIM" => Entry::Composite(&RECLAIM),
                _ => Entry::Flag(flag),
            }));
        }
    }
    names
}

/// The value of several flags together.
fn bits_of(flags: &[&str], facts: &KernelFacts) -> u64 {
    let is_one = |name: &str| name.strip_prefix("__GFP_").is_some_and(|name| flags.contains(&name));
    facts.gfp_bits.iter().filter(|bit| is_one(&bit.name)).fold(0, |all, bit| all | bit.value())
}

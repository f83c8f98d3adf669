//! Loads the object in this binary into the kernel: freezes the layout, then tries each hook.

mod ahead;
pub mod attach;
mod held;
pub mod hooks;
mod loader;
pub mod own_task;

use std::io;

use aya::{Btf, Ebpf, maps::MapError, programs::ProgramError};
use oomtrace_common::layout::{ABSENT, KernelLayout, KernelValues};
use zerocopy::IntoBytes as _;

pub use self::held::Held;
use self::{
    attach::{Refusal, attach, detach},
    held::LinkId,
    hooks::{Carrier, HOOKS, Hook, Need, Symbol, Way},
    loader::loader,
};
use crate::kernel::{
    cmdlines::Cmdlines,
    kallsyms,
    tier::{Tier, Wanted},
};

/// The compiled eBPF object.
static OBJECT: &[u8] = aya::include_bytes_aligned!(env!("OOMTRACE_EBPF_OBJECT"));

/// The loaded eBPF side. Dropping it unloads everything.
#[derive(Debug)]
pub struct Armed {
    /// Programs, links and maps.
    pub ebpf: Ebpf,
    /// How much of a decision is seen.
    pub tier: Tier,
    /// Whether the eBPF side's view of this task was compared with procfs.
    pub self_checked: bool,
    /// The result for each hook, in the order of [`HOOKS`].
    pub hooks: Vec<Outcome>,
    /// Whether command lines may be read.
    pub cmdlines: Cmdlines,
}

/// The result for one hook.
#[derive(Debug)]
pub struct Outcome {
    /// The hook.
    pub hook: &'static Hook,
    /// The way that is attached, if there is one.
    pub way: Option<&'static Way>,
    /// Why each better way could not be attached.
    pub refusals: Vec<(&'static Way, Refusal)>,
    /// The attached programs and their links.
    links: Vec<(&'static Carrier, LinkId)>,
}

impl Outcome {
    const fn none(hook: &'static Hook) -> Self {
        Self { hook, way: None, refusals: Vec::new(), links: Vec::new() }
    }
}

impl Armed {
    /// Frees the programs' instructions and all maps that were not taken. The programs stay attached.
    ///
    /// # Errors
    ///
    /// If the link of an attached program is missing.
    pub fn hold(self) -> Result<Held, ProgramError> {
        Held::take(self.ebpf, self.hooks.into_iter().flat_map(|outcome| outcome.links))
    }
}

/// The reason why nothing is attached.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A limit that had to be lowered for a moment could not be restored.
    #[error("the limit of open files (RLIMIT_NOFILE) could not be restored: {0}")]
    Descriptors(#[source] io::Error),
    /// The object could not be loaded as far as its programs.
    #[error("the eBPF object could not be loaded: {0:#}")]
    Object(#[source] Box<aya::EbpfError>),
    /// A map of the object could not be used.
    #[error("the eBPF map {0} could not be used: {1}")]
    Map(&'static str, #[source] Box<MapError>),
    /// More names of killers than the kernel side can keep.
    #[error("--killer has {named} names, and the kernel side keeps {most}: remove some")]
    Killers {
        /// The names.
        named: usize,
        /// How many fit beside the known ones.
        most: usize,
    },
    /// The self-check's program did not run.
    #[error("the self-check could not be run: {0}")]
    SelfCheck(#[source] Box<ProgramError>),
    /// The one hook that every tier needs.
    #[error("the tracepoint oom:mark_victim could not be hooked: {0}")]
    MarkVictim(Refusal),
    /// The tier that was requested cannot be used.
    #[error("--tier {}: {hook} could not be hooked: {refusal}", .tier.name())]
    Tier {
        /// The requested tier.
        tier: Tier,
        /// The first hook that could not be attached.
        hook: &'static str,
        /// The reason.
        refusal: Refusal,
    },
    /// `bpf_probe_read_kernel` is refused.
    #[error(
        "this kernel is in confidentiality lockdown, which forbids eBPF programs to read kernel memory; boot it \
         without lockdown=confidentiality (lockdown=integrity is enough for Secure Boot)"
    )]
    Lockdown,
}

/// Creates the maps and freezes the layout and values of the kernel. No program is loaded yet.
///
/// # Errors
///
/// If the kernel rejects a map, because of a missing privilege or the limit of locked memory.
pub fn open(layout: &KernelLayout, values: &KernelValues) -> Result<Ebpf, LoadError> {
    loader()
        .map_err(LoadError::Descriptors)?
        .override_global("LAYOUT", layout.as_bytes(), true)
        .override_global("VALUES", values.as_bytes(), true)
        .load(OBJECT)
        .map_err(|error| LoadError::Object(Box::new(error)))
}

/// Attaches the hooks, each by the best way that is allowed and works.
///
/// # Errors
///
/// If `mark_victim` cannot be hooked, or the requested tier cannot be used.
pub fn arm(mut ebpf: Ebpf, btf: &Btf, layout: &KernelLayout, wanted: Wanted) -> Result<Armed, LoadError> {
    let mut hooks: Vec<Outcome> = Vec::with_capacity(HOOKS.len());
    let mut inside = wanted != Wanted::Only(Tier::Tracepoint);
    ahead::load(&mut ebpf, btf, layout, wanted);
    for hook in &HOOKS {
        let mut outcome = Outcome::none(hook);
        if inside || !hook.need.is_inside() {
            outcome = try_ways(&mut ebpf, btf, layout, hook, wanted);
        }
        if outcome.way.is_none() {
            match hook.need {
                Need::Required => return Err(not_marked(outcome)),
                // If an essential hook is missing, the other hooks would see only a part of the decision.
                Need::Spine => inside = false,
                Need::Inside | Need::Detail => {}
            }
        }
        hooks.push(outcome);
    }
    if !inside {
        leave_inside(&mut ebpf, &mut hooks, wanted)?;
    }
    let tier = tier_of(&hooks);
    Ok(Armed { ebpf, tier, self_checked: false, hooks, cmdlines: Cmdlines::Read })
}

fn try_ways(
    ebpf: &mut Ebpf,
    btf: &Btf,
    layout: &KernelLayout,
    hook: &'static Hook,
    wanted: Wanted,
) -> Outcome {
    let mut outcome = Outcome::none(hook);
    let allowed = |way: &&Way| wanted.allows(way.tier) || matches!(way.symbol, Symbol::Part(_));
    for way in hook.ways.iter().filter(allowed).filter(|way| way.symbol.is_possible(kallsyms::has)) {
        match try_way(ebpf, btf, layout, way) {
            Ok(links) => {
                (outcome.way, outcome.links) = (Some(way), links);
                break;
            }
            // A part that is tried without knowing whether it exists. Its absence is not an error.
            Err(_) if matches!(way.symbol, Symbol::Part(part) if kallsyms::has(part) != Some(true)) => {}
            Err(refusal) => outcome.refusals.push((way, refusal)),
        }
    }
    outcome
}

fn try_way(
    ebpf: &mut Ebpf,
    btf: &Btf,
    layout: &KernelLayout,
    way: &Way,
) -> Result<Vec<(&'static Carrier, LinkId)>, Refusal> {
    if way.slot.is_some_and(|slot| slot(layout) == ABSENT) {
        return Err(Refusal::NotInBtf);
    }
    let mut links = Vec::with_capacity(way.programs.len());
    for carrier in way.programs {
        match attach(ebpf, btf, carrier) {
            Ok(link) => links.push((carrier, link)),
            Err(refusal) => {
                way.programs.iter().for_each(|carrier| detach(ebpf, carrier));
                return Err(refusal);
            }
        }
    }
    Ok(links)
}

fn not_marked(outcome: Outcome) -> LoadError {
    if outcome.refusals.iter().any(|(_, refusal)| refusal.is_lockdown()) {
        return LoadError::Lockdown;
    }
    let refusal = outcome.refusals.into_iter().next().map_or(Refusal::NotInBtf, |(_, refusal)| refusal);
    LoadError::MarkVictim(refusal)
}

/// Detaches the hooks inside the decision if its spine turned out to be incomplete.
fn leave_inside(ebpf: &mut Ebpf, hooks: &mut [Outcome], wanted: Wanted) -> Result<(), LoadError> {
    if let Wanted::Only(tier @ (Tier::Fentry | Tier::Kprobe)) = wanted {
        let missing =
            hooks.iter_mut().find(|outcome| outcome.hook.need == Need::Spine && outcome.way.is_none());
        if let Some(outcome) = missing {
            let refusal = outcome.refusals.pop().map_or(Refusal::NotInBtf, |(_, refusal)| refusal);
            return Err(LoadError::Tier { tier, hook: outcome.hook.name, refusal });
        }
    }
    for outcome in hooks.iter_mut().filter(|outcome| outcome.hook.need.is_inside()) {
        outcome.links.clear();
        outcome.way = None;
        // Programs may have been loaded ahead and not attached.
        outcome.hook.ways.iter().flat_map(|way| way.programs).for_each(|carrier| detach(ebpf, carrier));
    }
    Ok(())
}

/// The weakest tier among the ways of the spine; tracepoints if the spine is missing.
fn tier_of(hooks: &[Outcome]) -> Tier {
    let spine = || hooks.iter().filter(|outcome| outcome.hook.need == Need::Spine);
    if spine().any(|outcome| outcome.way.is_none()) {
        return Tier::Tracepoint;
    }
    spine().filter_map(|outcome| outcome.way).map(|way| way.tier).max().unwrap_or(Tier::Tracepoint)
}

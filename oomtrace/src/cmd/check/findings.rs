//! The findings of `check`, before they are printed.

use serde::Serialize;

use crate::{
    exit::Exit,
    kernel::{
        kallsyms,
        layout::Finding,
        load::Outcome,
        privilege::{CAPABILITIES, Privileges, confidentiality_lockdown},
        start::{BTF_PATH, Known, StartError, know, permitted, try_all},
        tier::{Tier, Wanted},
        tracefs,
    },
    source::cgroup::cgroupfs::MemoryHierarchy,
};

/// The whole answer.
#[derive(Debug, Serialize)]
pub(super) struct Findings {
    /// Whether `watch` would work now.
    pub(super) works: bool,
    /// The tier that it would have.
    pub(super) tier: Option<Tier>,
    /// The problem that prevents tracing.
    pub(super) problem: Option<String>,
    /// `uname -r`.
    pub(super) kernel: String,
    /// Capabilities.
    pub(super) privileges: Vec<Privilege>,
    /// The checked parts of the system.
    pub(super) system: Vec<Part>,
    /// Fields of the layout: all, or only the absent ones.
    pub(super) fields: Vec<Field>,
    /// Fields that were found.
    pub(super) fields_found: usize,
    /// Hooks; empty if the privileges do not suffice to try them.
    pub(super) hooks: Vec<HookFinding>,
}

/// A capability.
#[derive(Debug, Serialize)]
pub(super) struct Privilege {
    pub(super) name: &'static str,
    pub(super) held: bool,
    pub(super) required: bool,
    pub(super) purpose: &'static str,
}

/// A part of the system.
#[derive(Debug, Serialize)]
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) found: Option<String>,
    /// The effect of its absence, and what to do.
    pub(super) otherwise: &'static str,
}

/// A field of the kernel's layout.
#[derive(Debug, Serialize)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) value: Option<u32>,
    pub(super) remark: String,
}

/// A hook.
#[derive(Debug, Serialize)]
pub(super) struct HookFinding {
    pub(super) name: &'static str,
    pub(super) tier: Option<Tier>,
    pub(super) tells: &'static str,
    pub(super) refusals: Vec<String>,
}

/// Tries everything that `watch` does, and undoes it.
pub(super) fn gather(wanted: Wanted, all_fields: bool) -> (Findings, Exit) {
    let mut findings = Findings {
        works: false,
        tier: None,
        problem: None,
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        privileges: privileges(),
        system: system(),
        fields: Vec::new(),
        fields_found: 0,
        hooks: Vec::new(),
    };
    let exit = match try_start(&mut findings, wanted, all_fields) {
        Ok(()) => Exit::Success,
        Err(error) => {
            findings.problem = Some(error.to_string());
            error.exit()
        }
    };
    findings.works = exit == Exit::Success;
    (findings, exit)
}

fn try_start(findings: &mut Findings, wanted: Wanted, all_fields: bool) -> Result<(), StartError> {
    // The layout needs no privilege, so it is reported even if the rest cannot be tried.
    let known = know();
    if let Ok(Known { resolved, .. }) = &known {
        findings.fields_found = resolved.findings.iter().filter(|finding| finding.value.is_some()).count();
        let shown = resolved.findings.iter().filter(|finding| all_fields || finding.value.is_none());
        findings.fields = shown.map(field).collect();
    }
    permitted()?;
    let armed = try_all(&known?, wanted)?;
    findings.tier = Some(armed.tier);
    findings.system.push(Part {
        name: "self-check",
        found: armed.self_checked.then(|| "this process, read through the layout, equals procfs".to_owned()),
        otherwise: "not done: this kernel does not run programs on demand (raw tracepoints, since 5.10)",
    });
    findings.hooks = armed.hooks.iter().map(hook).collect();
    Ok(())
}

fn privileges() -> Vec<Privilege> {
    let held = Privileges::of_this_process();
    CAPABILITIES
        .iter()
        .map(|capability| Privilege {
            name: capability.name,
            held: held.has(*capability),
            required: capability.required,
            purpose: capability.purpose,
        })
        .collect()
}

fn system() -> Vec<Part> {
    let lockdown = match confidentiality_lockdown() {
        Some(true) => None,
        Some(false) => Some("off, or integrity".to_owned()),
        None => Some("unknown (securityfs is not mounted)".to_owned()),
    };
    vec![
        Part {
            name: "BTF",
            found: std::fs::metadata(BTF_PATH).ok().map(|file| format!("{BTF_PATH}, {} bytes", file.len())),
            otherwise: "nothing can be traced; take a kernel with CONFIG_DEBUG_INFO_BTF=y",
        },
        Part {
            name: "lockdown",
            found: lockdown,
            otherwise: "confidentiality: nothing can be traced; boot with lockdown=integrity or without",
        },
        Part {
            name: "memory cgroups",
            found: MemoryHierarchy::find()
                .map(|hierarchy| format!("{} at {}", hierarchy.name(), hierarchy.mount().display())),
            otherwise: "not mounted here: `demo` cannot run; tracing can",
        },
        Part {
            name: "tracefs",
            found: tracefs::mount().map(|mount| mount.display().to_string()),
            otherwise: "not mounted: needed only where BTF tracepoints are refused (mount -t tracefs tracefs \
                        /sys/kernel/tracing)",
        },
        Part {
            name: "__per_cpu_offset",
            found: kallsyms::address("__per_cpu_offset").map(|_| "reported by the kernel".to_owned()),
            otherwise: "memory counters stay approximate on kernels that keep them per CPU (needs CAP_SYSLOG, \
                        kernel.kptr_restrict below 2 and CONFIG_KALLSYMS_ALL=y)",
        },
    ]
}

fn field(finding: &Finding) -> Field {
    let remark = finding.spelling.clone().or_else(|| finding.absent_because.clone());
    Field { name: finding.slot, value: finding.value, remark: remark.unwrap_or_default() }
}

fn hook(outcome: &Outcome) -> HookFinding {
    let refused = outcome.refusals.iter();
    let mut refusals: Vec<String> =
        refused.map(|(way, refusal)| format!("{}: {refusal}", way.tier.name())).collect();
    if outcome.way.is_none() && refusals.is_empty() {
        refusals.push("not attached: oomtrace attaches all hooks inside the decision or none".to_owned());
    }
    HookFinding {
        name: outcome.hook.name,
        tier: outcome.way.map(|way| way.tier),
        tells: outcome.hook.tells,
        refusals,
    }
}

//! Checks whether this machine can run a plan, and its risks. The check runs before anything is changed.

use std::path::Path;

use super::{
    file::Problem,
    knob,
    plan::{At, Cgroup, Plan, Setting, Work},
};

/// The facts that a check needs to know about the machine.
pub trait Ground {
    /// The mount point of the memory hierarchy, and its version: "v2" or "v1".
    fn hierarchy(&self) -> Option<(&Path, &'static str)>;
    /// Whether cgroups other than the root have a file with this name; `None` if there is no such cgroup.
    fn cgroups_have(&self, file: &str) -> Option<bool>;
    /// Whether a file of the kernel exists.
    fn has(&self, path: &Path) -> bool;
    /// The content of a file; `None` if it cannot be read.
    fn value(&self, path: &Path) -> Option<String>;
    /// Whether a program exists. A relative path counts from the directory of the experiment's file.
    fn has_program(&self, program: &str) -> bool;
    /// The lowest `oom_score_adj` that a process may get here.
    fn least_adj(&self) -> i16;
    /// `MemAvailable`, bytes.
    fn available_bytes(&self) -> Option<u64>;
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Problems that make the experiment impossible here.
    pub problems: Vec<Problem>,
    /// Risks for the machine; `--allow-system-oom` accepts them.
    pub risks: Vec<Problem>,
}

/// Bytes that must remain for other processes, in addition to the experiment's limit.
const SPARE_BYTES: u64 = 64 << 20;

/// Checks a plan on this ground.
#[must_use]
pub fn check(plan: &Plan, ground: &dyn Ground) -> Findings {
    let mut findings = Findings::default();
    let Some((mount, hierarchy)) = ground.hierarchy() else {
        let what = "no cgroup hierarchy with the memory controller is mounted, and an experiment needs one";
        findings.problems.push(Problem { line: 1, what: what.to_owned() });
        return findings;
    };
    containment(plan, ground, &mut findings);
    let changed = plan.variants.iter().flat_map(|variant| &variant.cgroups);
    for cgroup in plan.cgroups.iter().chain(changed) {
        files(cgroup, hierarchy, ground, &mut findings.problems);
    }
    for setting in plan.knobs.iter().chain(plan.variants.iter().flat_map(|variant| &variant.knobs)) {
        knob(setting, mount, ground, &mut findings);
    }
    namesakes(plan, mount, &mut findings.problems);
    adjustments(plan, ground, &mut findings.problems);
    programs(plan, ground, &mut findings.problems);
    findings.problems.sort_by_key(|problem| problem.line);
    findings.risks.sort_by_key(|risk| risk.line);
    findings
}

fn containment(plan: &Plan, ground: &dyn Ground, findings: &mut Findings) {
    let mut risk = |line, what: String| findings.risks.push(Problem { line, what });
    match (plan.limit, ground.available_bytes()) {
        (None, _) => risk(
            1,
            "without a `limit` the machine itself runs out of memory, and the kernel then kills the process with the highest score, \
             whichever it is: a database, a container, your own session"
                .to_owned(),
        ),
        (Some(At { value, line }), Some(available)) if value.saturating_add(SPARE_BYTES) > available => risk(
            line,
            format!(
                "the limit of {} MiB is not covered by the {} MiB that are available now: the machine itself may run out, and \
                 the kernel then kills the process with the highest score",
                value >> 20,
                available >> 20
            ),
        ),
        (Some(_), _) => {}
    }
}

/// A knob is set and restored by name, so it must have only one name.
fn namesakes(plan: &Plan, mount: &Path, problems: &mut Vec<Problem>) {
    let knobs = plan.all_knobs();
    let place = |setting: &Setting| knob::place(&setting.name, Some(mount)).ok();
    for (number, setting) in knobs.iter().enumerate() {
        let Some(path) = place(setting) else { continue };
        if let Some(known) = knobs.iter().take(number).find(|known| place(known).as_ref() == Some(&path)) {
            let what =
                format!("`{}` is `{}` of line {} under another name", setting.name, known.name, known.line);
            problems.push(Problem { line: setting.line, what });
        }
    }
}

/// Checks the programs of the file, and those that a variant uses instead.
fn programs(plan: &Plan, ground: &dyn Ground, problems: &mut Vec<Problem>) {
    let own = plan.processes.iter().filter_map(|process| match &process.work {
        Work::Command(words) => Some((words, &process.name, process.line)),
        Work::Hog(_) => None,
    });
    let changes = plan.variants.iter().flat_map(|variant| &variant.processes);
    let changed = changes.filter_map(|change| Some((change.command.as_ref()?, &change.name, change.line)));
    for (words, name, line) in own.chain(changed) {
        if let Some(program) = words.first().filter(|program| !ground.has_program(program)) {
            let what = format!("there is no program `{program}` to be run as `{name}`");
            problems.push(Problem { line, what });
        }
    }
}

fn adjustments(plan: &Plan, ground: &dyn Ground, problems: &mut Vec<Problem>) {
    let least = ground.least_adj();
    let changes = plan.variants.iter().flat_map(|variant| &variant.processes);
    let changed = changes.filter_map(|change| Some((change.oom_score_adj?, change.line)));
    let given = plan.processes.iter().map(|process| (process.oom_score_adj, process.line)).chain(changed);
    problems.extend(given.filter(|(adj, _)| *adj < least).map(|(adj, line)| Problem {
        line,
        what: format!(
            "without CAP_SYS_RESOURCE no process can be given the oom_score_adj {adj}, below {least}"
        ),
    }));
}

fn files(cgroup: &Cgroup, hierarchy: &str, ground: &dyn Ground, problems: &mut Vec<Problem>) {
    for Setting { name, value, line } in &cgroup.files {
        let file = knob::file_of_cgroup(name, hierarchy);
        let lacking = |file: &str| ground.cgroups_have(file) == Some(false);
        let wrong = match file {
            Err(wrong) => Some(wrong),
            Ok((file, _)) if lacking(file) => Some(format!("this kernel's cgroups have no `{file}`")),
            Ok((file, takes)) => takes.written(value).err().map(|wrong| format!("`{file}` {wrong}")),
        };
        problems.extend(wrong.map(|what| Problem { line: *line, what }));
    }
}

fn knob(setting: &Setting, mount: &Path, ground: &dyn Ground, findings: &mut Findings) {
    let Setting { name, value, line } = setting;
    let mut problem = |what| findings.problems.push(Problem { line: *line, what });
    let path = match knob::place(name, Some(mount)) {
        Ok(path) => path,
        Err(wrong) => return problem(wrong),
    };
    if !ground.has(&path) {
        return problem(format!("this kernel has no {name} ({} is not there)", path.display()));
    }
    let Some(current) = ground.value(&path).filter(|current| !current.trim().is_empty()) else {
        return problem(format!("the value of {name} cannot be read here, so it could not be restored"));
    };
    if let Err(wrong) = knob::takes(&path).written(value) {
        problem(format!("{name} {wrong}"));
    } else if let Some(choices) = knob::choices(&current).filter(|choices| !choices.contains(&value.trim())) {
        problem(format!("{name} accepts one of {}, not `{value}`", choices.join(", ")));
    }
    if let Some(risk) = knob::risk(&path) {
        findings.risks.push(Problem { line: *line, what: format!("{name}: {risk}") });
    }
}

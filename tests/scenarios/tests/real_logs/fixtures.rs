//! Observations of guests with real kernels (captured with `cargo xtask vm --keep-log`, without the tracer's part), and the
//! reports of a correct tracer made from them.

use std::fs;
use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use oomtrace_scenarios::compare::{Disagreement, judge};
use oomtrace_scenarios::job::Tier;
use oomtrace_scenarios::observation::{CommandRun, Observation, ProcessRun, Replay, TracerRun};
use oomtrace_scenarios::scenario::{self, Expect, Hierarchy, Scenario};
use oomtrace_scenarios::text::Text;
use oomtrace_scenarios::witness::{self, Incident, Killed, Kind, Message};
use serde_json::{Value, json};

use crate::{ballot, memory, namespace, no_kill};

/// A captured run with its scenario.
pub(crate) struct Fixture {
    pub(crate) name: String,
    pub(crate) scenario: Scenario,
    pub(crate) seen: Observation,
}

mod marked;

/// All fixtures.
pub(crate) fn all() -> Vec<Fixture> {
    let mut all: Vec<Fixture> =
        fs::read_dir(directory()).unwrap().map(|entry| load(&entry.unwrap().path())).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// The fixture with this name.
pub(crate) fn fixture(name: &str) -> Fixture {
    load(&directory().join(format!("{name}.json")))
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn load(path: &Path) -> Fixture {
    let seen: Observation = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let scenario = scenario::all().into_iter().find(|scenario| scenario.name == seen.scenario).unwrap();
    Fixture { name: path.file_stem().unwrap().to_str().unwrap().to_owned(), scenario, seen }
}

impl Fixture {
    /// The reports that a correct tracer prints.
    pub(crate) fn honest(&self) -> Vec<Value> {
        let log = witness::read(&self.seen.log);
        if self.scenario.expect.is_no_kill() {
            return no_kill::reports(self, &log);
        }
        let killing = |incident: &Incident| !incident.kills.is_empty();
        let mut reports: Vec<Value> = log.iter().filter(|i| killing(i)).map(|i| report(self, i)).collect();
        reports.extend(marked::reports(self));
        reports
    }

    /// The output of a correct `rank` before the kill.
    fn ranked(&self) -> Option<CommandRun> {
        let log = witness::read(&self.seen.log);
        let first = log.iter().flat_map(|incident| &incident.kills).next()?.pid;
        let said = json!({ "candidates": [{ "pid": first }] }).to_string();
        let status = Some(oomtrace_scenarios::observation::Status::Code(0));
        Some(CommandRun { stdout: said.as_str().into(), status, ..CommandRun::default() })
    }

    /// The same run with a tracer that printed these reports.
    pub(crate) fn with_reports(&self, reports: &[Value]) -> Observation {
        let lines: Vec<_> = reports.iter().map(|report| report.to_string().as_bytes().into()).collect();
        let status = Some(oomtrace_scenarios::observation::Status::Code(0));
        let victims: usize =
            reports.iter().map(|report| report["victims"].as_array().map_or(0, Vec::len)).sum();
        let totals = format!("oomtrace: {} incidents, {victims} victims, 9 frames, 0 lost", reports.len());
        let run = TracerRun {
            stderr: totals.as_str().into(),
            lines_live: lines.len(),
            replay: Some(Replay { lines: lines.clone(), status, ..Replay::default() }),
            lines,
            status,
            ..TracerRun::default()
        };
        Observation { tracer: Some(run), rank: self.ranked(), ..self.seen.clone() }
    }
}

pub(crate) fn shown(text: &Text) -> Value {
    match std::str::from_utf8(text.as_bytes()) {
        Ok(text) => json!(text),
        Err(_) => json!({ "bytes": STANDARD.encode(text.as_bytes()) }),
    }
}

fn report(fixture: &Fixture, incident: &Incident) -> Value {
    let expect = &fixture.scenario.expect;
    let scope = incident.group.as_ref().map(|scope| format!("mem_cgroup_get_oom_group returned {scope}"));
    let set = fixture.scenario.sysctl_value("vm/oom_kill_allocating_task").is_some();
    let summary = if set { "vm.oom_kill_allocating_task is set but had no effect" } else { "" };
    let killed = incident.kills.iter().enumerate().map(|(n, kill)| victim(fixture, incident, n, kill));
    let along = namespace::victims(fixture, incident);
    json!({
        "schema": 1,
        "tier": "fentry",
        "kernel": fixture.seen.release,
        "status": { "complete": true, "lost_frames": 0 },
        "cause": { "code": expect.cause, "confidence": "observed", "summary": summary, "evidence": [scope] },
        "selection": selection(fixture, incident),
        "allocation": with_kind(allocation(incident), expect),
        "sysctl": { "oom_kill_allocating_task": i32::from(set) },
        "domain": domain(fixture, incident),
        "machine": memory::machine(fixture, incident),
        "account": memory::account(fixture, incident),
        "trigger": trigger(fixture, incident),
        "victims": killed.chain(sharers(fixture, incident)).chain(along).collect::<Vec<_>>(),
        "candidates": ballot::candidates(fixture, incident),
        "candidates_total": ballot::total(fixture, incident),
        "candidates_left_out": 0,
        "kernel_threads": ballot::kernel_threads(fixture),
        "marks": incident.kills.len(),
        "empty_passes": empty_passes(fixture),
    })
}

fn selection(fixture: &Fixture, incident: &Incident) -> Value {
    let expect = &fixture.scenario.expect;
    let (margin, runner_up) = ballot::margin(fixture, incident).unzip();
    json!({
        "policy": expect.policy,
        "outcome": expect.outcome,
        "margin_points": margin,
        "runner_up_pid": runner_up,
    })
}

/// A writer runs all passes itself, and the kernel counts them.
fn empty_passes(fixture: &Fixture) -> Option<Value> {
    let limit = fixture.scenario.expect.limit_cgroup.as_ref();
    let counters = fixture.seen.cgroups.iter().find(|cgroup| Some(&cgroup.path) == limit)?;
    let lowered = fixture.scenario.expect.cause == "memcg_limit_lowered";
    lowered.then(|| json!({ "count": counters.growth("oom").unwrap() - 1 }))
}

/// The processes that died with the victim because they share its memory.
fn sharers(fixture: &Fixture, incident: &Incident) -> Vec<Value> {
    let killed = |pid: u32| incident.kills.iter().any(|kill| kill.pid == pid);
    let role = |role: &String| fixture.scenario.expect.one_mm.contains(role);
    let runs = fixture.seen.processes.iter().filter(|run| role(&run.role) && !killed(run.pid));
    let victim = |run: &ProcessRun| {
        let process = process(fixture, run.pid).unwrap();
        json!({
            "pid": run.pid, "tid": run.pid, "role": "shared_mm",
            "comm": shown(&process.kernel_comm()), "cgroup": shown(&process.cgroup_path()),
        })
    };
    runs.map(victim).collect()
}

pub(crate) fn allocation(incident: &Incident) -> Value {
    let invoked = incident.invoked.as_ref().unwrap();
    let constraint = incident.summary.as_ref().map_or("MEMCG", |summary| &summary.constraint);
    let constraint = constraint.trim_start_matches("CONSTRAINT_");
    json!({
        "order": invoked.order,
        "gfp_mask": format!("{:#x}", invoked.gfp_mask),
        "gfp_flags": invoked.gfp_flags,
        "constraint": constraint.to_lowercase(),
        "stack": stack(incident),
    })
}

fn with_kind(mut allocation: Value, expect: &Expect) -> Value {
    allocation["kind"] = json!(expect.allocation_kinds.first());
    allocation
}

/// The stack with sizes and a module, which the witness ignores.
fn stack(incident: &Incident) -> Vec<String> {
    let sure = incident.call_trace.iter().filter(|call| call.kind == Kind::Sure);
    sure.map(|call| format!("{}/0x1000 [module]", call.place)).collect()
}

pub(crate) fn domain(fixture: &Fixture, incident: &Incident) -> Value {
    let kind = &fixture.scenario.expect.domain;
    let total_pages = total_pages(fixture, incident);
    let Some(usage) = incident.usage else {
        return json!({ "kind": kind, "total_pages": total_pages });
    };
    let path = fixture.scenario.expect.limit_cgroup.as_ref().map(shown);
    let oom_group = fixture.scenario.name == "oom_group";
    let hit = json!({ "cgroup": path, "max_bytes": usage.limit_bytes, "oom_group": oom_group, "hit": true });
    json!({
        "kind": kind,
        "cgroup": path,
        "total_pages": total_pages,
        "usage_bytes": usage.usage_bytes,
        "limit_bytes": usage.limit_bytes,
        "swap_usage_bytes": incident.swap.map(|swap| swap.usage_bytes),
        "swap_limit_bytes": incident.swap.and_then(|swap| swap.limit()),
        "memsw": fixture.scenario.machine.hierarchy == Hierarchy::V1,
        "oom_group": (fixture.scenario.machine.hierarchy == Hierarchy::V2).then_some(oom_group),
        "memory_stat": incident.stat,
        "chain": [hit, { "cgroup": "/", "hit": false }],
    })
}

pub(crate) fn trigger(fixture: &Fixture, incident: &Incident) -> Value {
    let invoked = incident.invoked.as_ref().unwrap();
    let expect = &fixture.scenario.expect;
    // The table has no row for a thread while its leader exists. The scenario knows the process of the thread.
    let tid = incident.process_of(incident.trigger_tid.unwrap());
    let role = expect.trigger.first().or(expect.victims.first());
    let is_it = |run: &&ProcessRun| run.pid == tid || Some(&run.role) == role;
    let run = fixture.seen.processes.iter().find(|run| run.pid == tid);
    // A kernel thread is not part of the scenario.
    let kernel = matches!(expect.cause.as_str(), "sysrq" | "mglru");
    let own = run.or_else(|| fixture.seen.processes.iter().filter(|_| !kernel).find(is_it));
    let pid = own.map_or(tid, |run| run.pid);
    let process = process(fixture, pid);
    json!({
        "pid": pid,
        "tid": incident.trigger_tid,
        "comm": shown(&invoked.comm),
        "uid": process.map_or(0, |process| process.uid),
        "oom_score_adj": invoked.oom_score_adj,
        "cgroup": process.map_or_else(|| json!("/"), |process| shown(&process.cgroup_path())),
    })
}

fn victim(fixture: &Fixture, incident: &Incident, number: usize, kill: &Killed) -> Value {
    let pid = incident.process_of(kill.pid);
    json!({
        "pid": pid,
        "tid": kill.pid,
        "ns_pid": if process(fixture, pid).is_some_and(|process| process.pid_namespace.is_some()) { 1 } else { pid },
        "comm": shown(&kill.comm),
        "uid": kill.uid,
        "oom_score_adj": kill.oom_score_adj,
        "cgroup": shown(&process(fixture, pid).unwrap().cgroup_path()),
        "role": if number == 0 { "chosen" } else { "group" },
        "memory": {
            "total_vm_bytes": kill.total_vm_bytes,
            "anon_rss_bytes": kill.anon_rss_bytes,
            "file_rss_bytes": kill.file_rss_bytes,
            "shmem_rss_bytes": kill.shmem_rss_bytes,
            "swap_bytes": incident.row(kill.pid).map(|row| row.swap_pages * 4096),
            "pgtables_bytes": kill.pgtables_bytes,
        },
        "score": (kill.message != Message::AllocatingTask).then(|| score(fixture, incident, kill)),
    })
}

fn score(fixture: &Fixture, incident: &Incident, kill: &Killed) -> Value {
    let row = incident.row(kill.pid).unwrap();
    let (base, total) = (row.base_pages(4096), total_pages(fixture, incident));
    let adj = i64::from(row.oom_score_adj) * i64::try_from(total / 1000).unwrap();
    let points = i64::try_from(base).unwrap() + adj;
    json!({ "points": points, "base_pages": base, "adj_pages": adj, "total_pages": total })
}

pub(crate) fn total_pages(fixture: &Fixture, incident: &Incident) -> u64 {
    let swap = incident.swap.map_or(0, |swap| swap.limit_bytes.min(fixture.seen.swap_bytes));
    let nodes = &fixture.scenario.expect.nodes;
    match incident.usage {
        Some(usage) => (usage.limit_bytes + swap) / 4096,
        None if nodes.is_empty() => fixture.seen.memory_bytes / 4096,
        None => nodes.iter().map(|node| fixture.seen.node_pages[node]).sum(),
    }
}

pub(crate) fn process(fixture: &Fixture, pid: u32) -> Option<&scenario::Process> {
    let run = fixture.seen.processes.iter().find(|run| run.pid == pid)?;
    fixture.scenario.process_of(&run.role)
}

/// The findings about the fixture's run with these reports, on the best tier.
pub(crate) fn found(fixture: &Fixture, reports: &[Value]) -> Vec<Disagreement> {
    judge(&fixture.scenario, &fixture.with_reports(reports), Some(Tier::Fentry))
}

/// The fields named when one value of the fixture's first report is replaced.
pub(crate) fn altered(name: &str, pointer: &str, value: Value) -> Vec<String> {
    let fixture = fixture(name);
    let mut reports = fixture.honest();
    *reports[0].pointer_mut(pointer).unwrap() = value;
    found(&fixture, &reports).into_iter().map(|disagreement| disagreement.field).collect()
}

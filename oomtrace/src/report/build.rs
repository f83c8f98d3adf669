//! Builds the report of an incident.

use oomtrace_common::{event::Memcg, limits::ARGUMENTS_BYTES};

use super::{
    Aftermath, Cause, Domain, EmptyPasses, Level, Memory, Process, Report, RequestedBy, SCHEMA, Selection,
    Status, Sysctl, Victim,
    allocation::allocation,
    candidate::candidates,
    counters::{Reading, score, total_pages},
    followed,
    machine::machine,
};
use crate::{
    attribute::{Attribution, cgroup, title},
    bytes::ByteString,
    explain::{Code, Verdict, explain, is_shortage_known, limits},
    incident::{self, Counters, Incident, SysrqRequest, Task, UserKill, is_of},
    kernel::tier::Tier,
};

/// Explains an incident.
#[must_use]
#[expect(clippy::too_many_lines, reason = "one line for each key")]
pub fn report(incident: &Incident) -> Report {
    let verdict = explain(incident);
    let session = incident.session.as_deref();
    let reading = Reading::of(incident);
    Report {
        schema: SCHEMA,
        id: super::id(incident.boot_ns),
        time: incident.session.as_ref().and_then(|session| session.date(incident.boot_ns)),
        boot_ns: incident.boot_ns,
        host: session.map(|session| session.host.clone()),
        kernel: session.map(|session| session.kernel_release.clone()),
        tier: tier(incident),
        status: status(incident, &verdict),
        allocation: allocation(incident),
        sysctl: sysctl(incident),
        domain: domain(incident, &verdict),
        machine: machine(incident),
        trigger: incident.trigger.as_ref().map(|task| process(incident, task)),
        requested_by: incident.requested.as_ref().map(|request| requested_by(incident, request)),
        victims: incident.victims.iter().map(|victim| self::victim(incident, reading, victim)).collect(),
        candidates: candidates(incident, reading),
        candidates_total: candidates_total(incident),
        candidates_left_out: incident.ballot.as_ref().map(|ballot| ballot.left_out),
        kernel_threads: incident.ballot.as_ref().map(|ballot| ballot.kernel_threads),
        marks: incident.marks,
        empty_passes: empty_passes(incident),
        sent: followed::sent(incident),
        prekill: incident.prekill.as_ref().map(|prekill| super::prekill::prekill(incident, prekill)),
        followed: followed::followed(incident),
        afterwards: followed::afterwards(incident),
        repeats: followed::repeats(incident),
        chain: super::chain::chain(incident),
        selection: selection(&verdict),
        account: verdict.account,
        lead_up: verdict.lead_up,
        cause: Cause {
            code: verdict.code,
            confidence: verdict.confidence,
            evidence: verdict.evidence,
            summary: verdict.summary,
        },
    }
}

fn empty_passes(incident: &Incident) -> Option<EmptyPasses> {
    let last_ns = incident.last_empty_ns()?.saturating_sub(incident.boot_ns);
    Some(EmptyPasses { count: incident.empty_passes(), last_ns })
}

fn selection(verdict: &Verdict) -> Selection {
    let margin = verdict.margin.as_ref();
    Selection {
        policy: verdict.policy,
        outcome: verdict.outcome,
        margin_points: margin.map(|margin| margin.points),
        runner_up_pid: margin.and_then(|margin| margin.runner_up.pid),
        chosen_adj_at_most: margin.and_then(|margin| margin.chosen_adj_at_most),
        runner_up_adj_at_least: margin.and_then(|margin| margin.runner_up_adj_at_least),
    }
}

/// Returns the tier of this incident. A mark outside every pass comes from a tracepoint, whatever else is hooked. For a kill by
/// user space there is nothing more to record.
fn tier(incident: &Incident) -> Option<Tier> {
    let tier = incident.session.as_ref()?.tier;
    let alone = incident.pass.is_none() && incident.user_kill.is_none();
    Some(if alone { Tier::Tracepoint } else { tier })
}

fn status(incident: &Incident, verdict: &Verdict) -> Status {
    Status {
        closed_by: incident.closed_by,
        complete: verdict.complete,
        lost_frames: incident.lost_frames,
        unreported_kills: incident.unreported_kills,
    }
}

fn sysctl(incident: &Incident) -> Sysctl {
    incident.sysctl.map_or_else(Sysctl::default, |known| Sysctl {
        oom_kill_allocating_task: known.oom_kill_allocating_task,
        panic_on_oom: known.panic_on_oom,
        overcommit_memory: known.overcommit_memory,
    })
}

fn domain(incident: &Incident, verdict: &Verdict) -> Domain {
    let kind = match verdict.code {
        Code::MemcgLimit | Code::MemcgLimitLowered => Some("memcg"),
        Code::Global | Code::Sysrq | Code::Mglru => Some("system"),
        Code::Cpuset => Some("cpuset"),
        Code::Mempolicy => Some("mempolicy"),
        Code::Userspace if verdict.domain.is_some() => Some("memcg"),
        // If no figure shows a shortage, or none could be read, it is not known which memory was short.
        Code::Userspace if !is_shortage_known(incident) => None,
        Code::Userspace => incident.pressure.as_ref().map(|_| "system"),
        Code::Unknown => None,
    };
    let mut domain = Domain { kind, total_pages: total_pages(incident), ..Domain::default() };
    let Some(id) = verdict.domain else { return domain };
    domain.cgroup = cgroup::path(&incident.memcgs, id);
    domain.memory_stat = incident.stat_of(id).cloned();
    domain.memsw = incident.memcgs.get(&id).map(|memcg| memcg.hierarchy != 0);
    domain.chain = chain(incident, id);
    if let Some(level) = domain.chain.iter().find(|level| level.hit) {
        domain.usage_bytes = level.usage_bytes;
        domain.limit_bytes = level.max_bytes;
        domain.swap_usage_bytes = level.swap_usage_bytes;
        domain.swap_limit_bytes = level.swap_max_bytes;
        domain.oom_group = level.oom_group;
    }
    domain
}

/// Returns the cgroups from the trigger's own up to the root. If the trigger is outside the domain, the chain begins at a
/// victim's cgroup. If all of them are outside, it begins at the domain itself.
fn chain(incident: &Incident, domain: u64) -> Vec<Level> {
    let victims = incident.victims.iter().map(|victim| &victim.task);
    let leaves = incident.trigger.iter().chain(victims).filter_map(|task| task.memcg);
    let below = leaves.map(|leaf| cgroup::chain(&incident.memcgs, leaf));
    let chain = below
        .into_iter()
        .find(|chain| chain.iter().any(|memcg| memcg.id == domain))
        .unwrap_or_else(|| cgroup::chain(&incident.memcgs, domain));
    chain.into_iter().map(|memcg| level(incident, memcg, domain)).collect()
}

fn level(incident: &Incident, memcg: &Memcg, domain: u64) -> Level {
    let page_size = incident.page_size();
    let path = cgroup::path(&incident.memcgs, memcg.id);
    let has = |bit| memcg.present & bit != 0;
    let bytes = |pages: u64| pages.saturating_mul(page_size);
    let limit = |pages: u64| limits::limit(pages, page_size).map(bytes);
    Level {
        place: path.as_ref().map(|path| Attribution::of(&incident.names, path)).unwrap_or_default(),
        cgroup: path,
        usage_bytes: has(Memcg::COUNTERS).then(|| bytes(memcg.usage_pages)),
        max_bytes: limit(memcg.max_pages).filter(|_| has(Memcg::COUNTERS)),
        high_bytes: limit(memcg.high_pages).filter(|_| has(Memcg::HIGH)),
        swap_usage_bytes: has(Memcg::SWAP).then(|| bytes(memcg.swap_usage_pages)),
        swap_max_bytes: limit(memcg.swap_max_pages).filter(|_| has(Memcg::SWAP)),
        oom_group: has(Memcg::OOM_GROUP).then_some(memcg.oom_group != 0),
        hit: memcg.id == domain,
    }
}

fn process(incident: &Incident, task: &Task) -> Process {
    // If one read of procfs came too late for a value, another read may have it.
    let looks = || incident.processes.iter().filter(|look| is_of(look, task));
    let differs = |leader: &&ByteString| Some(*leader) != task.comm.as_ref();
    let path = task.memcg.and_then(|id| cgroup::path_of(incident, id));
    let mut process = Process {
        pid: task.pid.or_else(|| looks().next().map(|look| look.pid)),
        tid: task.tid,
        ns_pid: task.ns_pid,
        comm: task.comm.clone(),
        leader_comm: task.leader_comm.as_ref().filter(differs).cloned(),
        cmdline: cmdline(looks().filter_map(|look| look.cmdline.as_ref())).cloned(),
        exe: looks().find_map(|look| look.exe.clone()),
        uid: task.uid,
        start_boot_ns: task.start_boot_ns,
        oom_score_adj: task.oom_score_adj,
        title: None,
        place: Attribution::of_process(&incident.names, path.as_ref(), task.uid),
        cgroup: path,
    };
    process.title =
        process.cmdline.as_deref().and_then(|cmdline| title(cmdline, process.exe.as_ref())).cloned();
    process
}

/// Chooses from the command lines of a process, the latest first. The kernel side cuts a long one off, so an earlier one may be longer.
fn cmdline<'a>(mut cmdlines: impl Iterator<Item = &'a Vec<ByteString>>) -> Option<&'a Vec<ByteString>> {
    let latest = cmdlines.next()?;
    let bytes: usize = latest.iter().map(|word| word.as_bytes().len() + 1).sum();
    let is_cut = bytes >= ARGUMENTS_BYTES;
    let whole = cmdlines.find(|other| is_cut && is_beginning(latest, other));
    Some(whole.unwrap_or(latest))
}

/// Whether a command line is the beginning of another one, up to any byte.
fn is_beginning(part: &[ByteString], whole: &[ByteString]) -> bool {
    let Some((last, before)) = part.split_last() else { return false };
    let word = whole.get(before.len());
    part.len() <= whole.len()
        && part != whole
        && whole.starts_with(before)
        && word.is_some_and(|word| word.as_bytes().starts_with(last.as_bytes()))
}

fn requested_by(incident: &Incident, request: &SysrqRequest) -> RequestedBy {
    let task = request.requester.as_ref();
    RequestedBy {
        source: request.source,
        pid: task.and_then(|task| task.pid),
        comm: task.and_then(|task| task.comm.clone()),
        uid: task.and_then(|task| task.uid),
        before_ns: incident.boot_ns.saturating_sub(request.boot_ns),
    }
}

fn victim(incident: &Incident, reading: Reading, victim: &incident::Victim) -> Victim {
    let after = |at: Option<u64>| at.map(|at| at.saturating_sub(incident.boot_ns));
    Victim {
        process: killed(incident, process(incident, &victim.task)),
        role: victim.role,
        memory: reading.counters(&victim.task).map(|counters| memory(incident, counters)),
        score: score(incident, reading, victim),
        aftermath: Aftermath {
            sigkill_ns: after(victim.sigkill_ns),
            reap_start_ns: after(victim.reap_start_ns),
            reap_end_ns: after(victim.reap_end_ns),
            exit_ns: after(victim.exit_ns),
            reaped_bytes: None,
        },
    }
}

/// Sets whether a victim's container lives on: it does if its first process is known and was not killed.
fn killed(incident: &Incident, mut process: Process) -> Process {
    if let Some(container) = &mut process.place.container {
        let told = incident.user_kill.as_ref().is_some_and(UserKill::is_sigterm_of_killer);
        let lives =
            |victim: &incident::Victim| told && victim.sigkill_ns.is_none() && victim.exit_ns.is_none();
        let is_init = |victim: &incident::Victim| victim.task.pid == container.init_pid && !lives(victim);
        container.lives_on = container.init_pid.map(|_| !incident.victims.iter().any(is_init));
    }
    process
}

fn memory(incident: &Incident, counters: Counters) -> Memory {
    let bytes = |pages: u64| pages.saturating_mul(incident.page_size());
    Memory {
        total_vm_bytes: bytes(counters.total_vm_pages),
        anon_rss_bytes: bytes(counters.anon_pages),
        file_rss_bytes: bytes(counters.file_pages),
        shmem_rss_bytes: bytes(counters.shmem_pages),
        swap_bytes: bytes(counters.swap_pages),
        pgtables_bytes: counters.pgtables_bytes,
    }
}

fn candidates_total(incident: &Incident) -> Option<u32> {
    incident.session.as_ref().filter(|session| session.has_hook("oom_evaluate_task"))?;
    let chosen = incident.choice.as_ref().map(|choice| choice.evaluated);
    let known = chosen.or_else(|| incident.returned.map(|returned| returned.evaluated));
    known.or_else(|| incident.empty.map(|passes| passes.evaluated))
}

#[cfg(test)]
mod tests {
    use oomtrace_common::limits::ARGUMENTS_BYTES;

    use super::{ByteString, cmdline};

    fn words(texts: &[&str]) -> Vec<ByteString> {
        texts.iter().map(|text| ByteString::from(text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn a_command_line_that_was_cut_off_gives_way_to_the_whole_one() {
        let long = "x".repeat(2 * ARGUMENTS_BYTES);
        // One byte less, because no NUL follows the last word.
        let cut = words(&["app", &long[..ARGUMENTS_BYTES - 4]]);
        let (whole, other) = (words(&["app", &long, "y"]), words(&["another"]));
        assert_eq!(cmdline([&cut, &other, &whole].into_iter()), Some(&whole));
        assert_eq!(cmdline([&whole, &cut].into_iter()), Some(&whole));
        assert_eq!(cmdline([&cut, &other].into_iter()), Some(&cut));
    }

    #[test]
    fn a_short_command_line_is_whole_and_the_latest_one_counts() {
        let (latest, earlier) = (words(&["sh"]), words(&["sh", "-c", "true"]));
        assert_eq!(cmdline([&latest, &earlier].into_iter()), Some(&latest));
        assert_eq!(cmdline(std::iter::empty()), None);
    }
}

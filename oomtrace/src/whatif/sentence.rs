//! Writes the sentence of an answer and its remarks. Apart from the verdict's summary and evidence, this is the only text outside
//! the sinks.

use super::{
    Answer, Change, Decision, Holding, Memory, Victim, Who,
    step::{allocating, recorded::Recorded, scope, vote::selected},
    words::{self, name, named, path},
};
use crate::{
    account::{What, Whole, share},
    explain::{self, Outcome, Policy},
    incident::Role,
};

/// Describes a change as part of a sentence.
pub(super) fn change(recorded: &Recorded<'_>, change: &Change) -> String {
    match change {
        Change::Adj { who, adj } => format!("oom_score_adj {adj} for {}", selection(recorded, who)),
        Change::AllocatingTask(set) => format!("vm.oom_kill_allocating_task {}", u8::from(*set)),
        Change::Limit { cgroup, bytes: None } => format!("no memory limit for {}", cgroup.to_words()),
        Change::Limit { cgroup, bytes: Some(bytes) } => {
            format!("a memory limit of {} for {}", explain::size(*bytes), cgroup.to_words())
        }
        Change::OomGroup { cgroup, on } => {
            format!("memory.oom.group {} for {}", u8::from(*on), cgroup.to_words())
        }
        Change::Held { by, bytes } => held(by, *bytes),
    }
}

fn held(by: &Holding, bytes: u64) -> String {
    let of = match by {
        Holding::Tmpfs(mount) if bytes == 0 => {
            return format!("no files in the tmpfs at {}", mount.to_words());
        }
        Holding::Tmpfs(_) => return format!("{} in {}", explain::size(bytes), words::holding(by)),
        Holding::Part(What::Unexplained) => "unexplained memory",
        Holding::Part(what) => what.words(),
    };
    if bytes == 0 { format!("no {of}") } else { format!("{} of {of}", explain::size(bytes)) }
}

fn selection(recorded: &Recorded<'_>, who: &Who) -> String {
    match (who, selected(recorded, who)) {
        (_, (1, Some(task))) => name(task),
        (Who::Pid(pid), _) => format!("pid {pid}"),
        (Who::Comm(comm), (count, _)) => format!("the {count} tasks named {}", comm.to_words()),
        (Who::Cgroup(cgroup), (count, _)) => format!("the {count} tasks in {}", cgroup.to_words()),
    }
}

/// Adds remarks about changes without an effect and about facts that are not recorded.
pub(super) fn remarks(
    recorded: &Recorded<'_>,
    changes: &[Change],
    groups: &[(u64, bool)],
    after: &Decision,
    remarks: &mut Vec<String>,
) {
    if let Some(set) = allocating::requested(changes) {
        let ignored = if recorded.domain.is_some() {
            Some("the kernel ignores vm.oom_kill_allocating_task for a cgroup's limit".to_owned())
        } else if set && after.policy != Some(Policy::AllocatingTask) {
            Some("vm.oom_kill_allocating_task has no effect: the kernel cannot kill the trigger".to_owned())
        } else {
            None
        };
        remarks.extend(ignored);
    }
    if !groups.is_empty() && scope::is_v1(recorded) {
        remarks.push("cgroup v1 has no memory.oom.group: the kernel ignores it".to_owned());
    }
    if after.victims.iter().any(|victim| victim.role == Role::Chosen)
        && recorded
            .course
            .choice()
            .is_none_or(|choice| after.victims.iter().all(|victim| victim.pid != choice.task.pid))
    {
        remarks.push(
            "processes that share the new victim's memory would die with it; they are not recorded"
                .to_owned(),
        );
    }
}

/// Returns the summary sentence.
pub(super) fn summary(recorded: &Recorded<'_>, changes: &[Change], answer: &Answer) -> String {
    let changes: Vec<String> = changes.iter().map(|change| self::change(recorded, change)).collect();
    let estimate = if answer.estimated { " (by an estimate of its points)" } else { "" };
    format!("with {}, {}{estimate}", changes.join(" and "), outcome(recorded, answer))
}

fn outcome(recorded: &Recorded<'_>, answer: &Answer) -> String {
    let (before, after) = (&answer.before, &answer.after);
    if !after.happens {
        let domain =
            recorded.domain.map_or_else(|| "the machine".to_owned(), |id| path(recorded.incident, id));
        let room = answer.memory.map_or_else(|| " room".to_owned(), room);
        return format!("memory would not have run out at this moment: {domain} would have had{room}");
    }
    let (was, would) = (chosen(before), chosen(after));
    let same = was.map(|victim| victim.pid) == would.map(|victim| victim.pid);
    match (would, was) {
        (None, None) => "nothing changes: no process could have been killed".to_owned(),
        (None, Some(was)) => format!("no process could have been killed instead of {}", victim(was)),
        (Some(would), _) if same && same_victims(before, after) => {
            format!(
                "the same would have happened: {} would have been {}{}",
                victim(would),
                done(after),
                by(answer)
            )
        }
        (Some(would), _) if same => {
            format!(
                "{} would still have been {}{}{}",
                victim(would),
                done(after),
                by(answer),
                others(before, after)
            )
        }
        (Some(would), was) => {
            let instead = was.map_or_else(String::new, |was| format!(" instead of {}", victim(was)));
            format!(
                "{} would have been {}{instead}{}{}",
                victim(would),
                done(after),
                by(answer),
                others(before, after)
            )
        }
    }
}

/// The sentence names memory that no kill frees from one part in this many of the limit.
const WORTH_A_WORD: u64 = 20;

/// Describes how much room there would have been, and how much of the limit no kill frees.
fn room(memory: Memory) -> String {
    let after = memory.after;
    let left = match (memory.of, after.left_bytes.map(explain::size)) {
        (Whole::Cgroup, Some(left)) => format!(" room for {left}"),
        // This is not room for allocations, because some of it must stay free.
        (Whole::Machine, Some(left)) => format!(" {left} free"),
        (Whole::Cgroup | Whole::Machine, None) => " room".to_owned(),
    };
    match (after.stays_bytes, after.limit_bytes) {
        (0, _) => left,
        (bytes, Some(limit)) if bytes < limit / WORTH_A_WORD => left,
        (bytes, Some(limit)) => format!("{left}, and no kill would have freed {}", share(bytes, limit)),
        (bytes, None) => format!("{left}, and no kill would have freed {}", explain::size(bytes)),
    }
}

/// Returns the victim that the kernel chose.
fn chosen(decision: &Decision) -> Option<&Victim> {
    let is_chosen = |victim: &&Victim| victim.role == Role::Chosen;
    decision.victims.iter().find(is_chosen).or_else(|| decision.victims.first())
}

fn victim(victim: &Victim) -> String {
    named(victim.comm.as_ref(), victim.pid)
}

fn done(decision: &Decision) -> &'static str {
    match (decision.outcome, decision.policy) {
        (Some(Outcome::MarkedOnly), _) => "marked (already exiting)",
        (_, Some(Policy::AllocatingTask)) => "killed because it was allocating",
        _ => "killed",
    }
}

/// Describes the margin.
fn by(answer: &Answer) -> String {
    let Some(margin) = answer.after.margin_points else { return String::new() };
    match u64::try_from(margin) {
        Ok(0) => ", with as many points as the next, because the kernel examined it later".to_owned(),
        Ok(pages) if answer.after.points != Some(i64::MAX) => {
            let noun = if pages == 1 { "page" } else { "pages" };
            format!(", by {pages} {noun} ({})", explain::size(pages.saturating_mul(answer.page_bytes)))
        }
        _ => String::new(),
    }
}

/// Describes other processes that would die as well, or no longer die.
fn others(before: &Decision, after: &Decision) -> String {
    let count = after.victims.len().saturating_sub(1);
    match (after.outcome, before.outcome) {
        (Some(Outcome::GroupKilled), _) => format!(", with {count} more of its cgroup (memory.oom.group)"),
        (_, Some(Outcome::GroupKilled)) => ", without the other processes of its cgroup".to_owned(),
        _ => String::new(),
    }
}

fn same_victims(before: &Decision, after: &Decision) -> bool {
    let all_in = |those: &Decision, these: &Decision| {
        those.victims.iter().all(|victim| these.victims.iter().any(|other| other.pid == victim.pid))
    };
    all_in(before, after) && all_in(after, before)
}

//! An incident in one line.

use std::{
    collections::VecDeque,
    io::{self, Write},
};

use super::{
    Paint, forecast,
    sanitize::{cut, cut_front, quoted, sentence},
    units::{ABSENT, boot_seconds, count, or_absent, size, span},
};
use crate::{
    bytes::ByteString,
    explain::{Code, Confidence, Outcome, ordinal},
    forecast::Announcement,
    report::{Process, Report},
    sink::{
        Sink,
        place::label,
        shortage::{Tag, tag},
        write_whole,
    },
};

/// The maximum number of incidents that are shown and not closed yet. One is open for seconds, and only one pass runs at a
/// time.
const REMEMBERED: usize = 1024;

/// Columns for the path of a cgroup.
const PATH_COLUMNS: usize = 56;

/// Columns for a path after the name of a container, pod or unit. Only unusually long paths are cut.
const WHOLE_PATH_COLUMNS: usize = 320;

/// Columns for the title of a process.
const TITLE_COLUMNS: usize = 48;

/// Columns for the name of a task. It has at most 15 bytes, so only escapes are cut.
const NAME_COLUMNS: usize = 16;

/// Writes each incident as soon as its decision is known, and again if it is corrected.
pub struct Line<W> {
    output: W,
    paint: Paint,
    /// The printed incidents: the id, the cause, and the number of processes that user space killed.
    told: VecDeque<(String, Code, u64)>,
}

impl<W: Write> Line<W> {
    /// Creates a sink for this output.
    pub const fn new(output: W, colour: bool) -> Self {
        Self { output, paint: Paint { colour }, told: VecDeque::new() }
    }

    fn tell(&mut self, report: &Report, remark: &str) -> io::Result<()> {
        write_whole(&mut self.output, line(report, self.paint, remark).as_bytes())
    }
}

impl<W: Write> Sink for Line<W> {
    fn hears_decisions(&self) -> bool {
        true
    }

    fn decided(&mut self, report: &Report) -> io::Result<()> {
        if self.told.iter().any(|(id, ..)| *id == report.id) {
            return Ok(());
        }
        self.tell(report, "")?;
        if self.told.len() == REMEMBERED {
            self.told.pop_front();
        }
        self.told.push_back((report.id.clone(), report.cause.code, sent(report)));
        Ok(())
    }

    fn closed(&mut self, report: &Report) -> io::Result<()> {
        let place = self.told.iter().position(|(id, ..)| *id == report.id);
        match place.and_then(|place| self.told.remove(place)) {
            Some((_, code, count)) if code == report.cause.code && count == sent(report) => Ok(()),
            // Later events changed the cause, or the act continued after a pause.
            Some(_) => self.tell(report, " [corrected]"),
            None => self.tell(report, ""),
        }
    }

    fn foreseen(&mut self, announcement: &Announcement) -> io::Result<()> {
        write_whole(&mut self.output, forecast::line(announcement, self.paint).as_bytes())
    }
}

/// The number of processes that user space has killed in one act.
fn sent(report: &Report) -> u64 {
    report.sent.map_or(0, |sent| sent.count)
}

fn line(report: &Report, paint: Paint, remark: &str) -> String {
    let mut lost = match report.status.lost_frames {
        0 => String::new(),
        lost => format!(" [{} frames lost]", count(lost)),
    };
    if report.status.unreported_kills > 0 {
        lost.push_str(&format!(" [{} OOM kills not reported]", count(report.status.unreported_kills)));
    }
    format!(
        "{} {}{}: {}{}{}{}{lost}{remark}\n",
        when(report),
        cause(report, paint),
        place(report),
        what(report, paint),
        by(report),
        shortage(report),
        repeats(report)
    )
}

/// The remark about earlier kills: `[3rd in 40.2 s]`. If the kill belongs to a chain of more kills: `[chain: 4th in 60.1 s]`.
fn repeats(report: &Report) -> String {
    let alike = report.repeats.map_or(0, |repeats| repeats.count);
    let told = report.repeats.map_or_else(String::new, |repeats| {
        format!(" [{} in {}]", ordinal(repeats.count), span(repeats.since_ns))
    });
    match report.chain.as_ref().filter(|chain| chain.position > alike) {
        Some(chain) => format!("{told} [chain: {} in {}]", ordinal(chain.position), span(chain.since_ns)),
        None => told,
    }
}

/// The account of the memory, if the victim does not explain it: `[tmpfs 28.0 of 32.0 MiB]`.
fn shortage(report: &Report) -> String {
    let Some(Tag { what, comm, share }) = tag(report) else { return String::new() };
    let comm = comm.map(|comm| format!(" {}", quoted(&cut(comm.as_bytes(), NAME_COLUMNS))));
    format!(" [{what}{} {share}]", comm.unwrap_or_default())
}

/// Wall clock, or time since boot if the wall clock is not known.
fn when(report: &Report) -> String {
    match &report.time {
        Some(time) => sentence(time),
        None => format!("boot {}", boot_seconds(report.boot_ns)),
    }
}

/// The cause, with a tilde if it was inferred.
fn cause(report: &Report, paint: Paint) -> String {
    let name = report.cause.code.name();
    paint.bold(&match report.cause.confidence {
        Confidence::Observed => name.to_owned(),
        Confidence::Inferred => format!("~{name}"),
    })
}

fn place(report: &Report) -> String {
    let domain = &report.domain;
    let label = domain.place().and_then(label);
    let path = domain.cgroup.as_ref().map(|path| match &label {
        Some(_) => format!("({})", cut_front(path.as_bytes(), WHOLE_PATH_COLUMNS)),
        None => quoted(&cut_front(path.as_bytes(), PATH_COLUMNS)),
    });
    let parts = [label, path, limit(report)];
    parts.into_iter().flatten().map(|part| format!(" {part}")).collect()
}

/// The limit that was hit. For user space, `memory.high` if it is the lower one.
fn limit(report: &Report) -> Option<String> {
    let max = report.domain.limit_bytes;
    let hit = report.domain.chain.iter().find(|level| level.hit);
    let high = hit.and_then(|level| level.high_bytes).filter(|_| report.cause.code == Code::Userspace);
    match high.filter(|high| max.is_none_or(|max| *high < max)) {
        Some(high) => Some(format!("high {}", size(high))),
        None => max.map(size),
    }
}

fn what(report: &Report, paint: Paint) -> String {
    let decided_on = report.victims.iter().filter(|victim| victim.role.is_of_decision()).count();
    let left_out = report.sent.and_then(|sent| usize::try_from(sent.left_out).ok()).unwrap_or(0);
    let others = decided_on.saturating_sub(1).saturating_add(left_out);
    let along = report.victims.len().saturating_sub(decided_on);
    let victim = victim(report, paint);
    let what = match report.selection.outcome {
        None if report.is_sigterm() => {
            format!("sent SIGTERM to {victim}{}", and(others, "more"))
        }
        Some(Outcome::NoKill) => no_kill(report),
        Some(Outcome::GroupKilled) if others == 0 => format!("killed {victim}"),
        Some(Outcome::GroupKilled) => {
            format!("killed a group of {}: {victim}{}", others + 1, and(others, "more"))
        }
        Some(Outcome::MarkedOnly) => format!("marked {victim}, already exiting{}", and(others, "more")),
        Some(Outcome::Killed) => format!("killed {victim}{}", and(others, "sharing its memory")),
        None if report.victims.is_empty() => "no victim seen".to_owned(),
        None if report.victims.iter().any(|victim| victim.aftermath.sigkill_ns.is_some()) => {
            format!("killed {victim}{}", and(others, "more"))
        }
        None => format!("marked {victim}{}", and(others, "more")),
    };
    what + &and(along, "of its pid namespace")
}

fn no_kill(report: &Report) -> String {
    let policy = report.selection.policy.map(|policy| format!(" ({})", policy.name()));
    let noun = |number| if number == 1 { "pass" } else { "passes" };
    let passes =
        report.empty_passes.map(|passes| format!(", {} {}", count(passes.count), noun(passes.count)));
    format!("no kill{}{}", policy.unwrap_or_default(), passes.unwrap_or_default())
}

fn and(others: usize, which: &str) -> String {
    if others == 0 { String::new() } else { format!(" and {others} {which}") }
}

/// The chosen victim with its memory.
fn victim(report: &Report, paint: Paint) -> String {
    let Some(victim) = report.chosen() else { return ABSENT.to_owned() };
    let Process { pid, oom_score_adj, .. } = victim.process;
    let resident = victim.memory.map(|memory| size(memory.resident_bytes()));
    let (pid, resident, adj) = (or_absent(pid), or_absent(resident), or_absent(oom_score_adj));
    let place = label(&victim.process.place)
        .filter(|own| report.domain.place().and_then(label).as_ref() != Some(own));
    let place = place.map(|place| format!(" of {place}")).unwrap_or_default();
    format!("{} ({pid}, {resident}, adj {adj}){place}", paint.red(&named(&victim.process)))
}

fn by(report: &Report) -> String {
    let how = if report.cause.code == Code::Userspace { "by" } else { "triggered by" };
    let told = |trigger: &Process| format!(" {how} {} ({})", named(trigger), or_absent(trigger.pid));
    report.trigger.as_ref().map(told).unwrap_or_default()
}

fn named(process: &Process) -> String {
    let short = |comm: &ByteString| quoted(&cut(comm.as_bytes(), NAME_COLUMNS));
    let own = process.comm.as_ref().map_or_else(|| ABSENT.to_owned(), short);
    let name = match process.leader_comm.as_ref().filter(|_| process.comm.is_some()) {
        Some(leader) => format!("thread {own} of {}", short(leader)),
        None => own,
    };
    match &process.title {
        Some(title) => format!("{name} {}", quoted(&cut(title.as_bytes(), TITLE_COLUMNS))),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, REMEMBERED};
    use crate::{
        explain::{Code, Outcome, Policy},
        incident::Role,
        report::Report,
        sink::{
            Sink,
            terminal::{example, sanitize::columns_of},
        },
    };

    fn told(report: &Report) -> String {
        let mut output = Vec::new();
        Line::new(&mut output, false).closed(report).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn shows_a_memcg_kill() {
        assert_eq!(
            told(&example::memcg_kill()),
            "2026-01-02T03:04:05.123456789Z memcg_limit /kubepods/pod7 64.0 MiB: \
             killed python3 (812, 61.9 MiB, adj 0) triggered by python3 (812)\n"
        );
    }

    #[test]
    fn shows_a_kill_with_little_data() {
        assert_eq!(
            told(&example::tracepoint_kill()),
            "boot 71.000002 ~memcg_limit /job: marked hog (900, -, adj -) triggered by - (901) [3 frames lost]\n"
        );
    }

    #[test]
    fn shows_the_account_at_the_end() {
        assert!(told(&example::tmpfs_kill()).ends_with(" [tmpfs 28.0 of 32.0 MiB]\n"));
        let mut report = example::movable_kill();
        assert!(told(&report).ends_with(" [other_zone 680 of 940 MiB]\n"), "{}", told(&report));
        let mut holder = example::exempt();
        holder.comm = Some("x] [\u{1b}".into());
        report.account.as_mut().unwrap().holder = Some(holder);
        assert!(told(&report).ends_with(" [exempt \"x] [\\x1b\" 30 of 940 MiB]\n"), "{}", told(&report));
    }

    #[test]
    fn shows_groups_and_decisions_without_a_kill() {
        let mut report = example::memcg_kill();
        report.selection.outcome = Some(Outcome::GroupKilled);
        report.victims.push(report.victims[0].clone());
        assert!(
            told(&report)
                .contains(": killed a group of 2: python3 (812, 61.9 MiB, adj 0) and 1 more triggered")
        );
        report.selection.outcome = Some(Outcome::Killed);
        report.victims[1].role = Role::PidNamespace;
        assert!(told(&report).contains("adj 0) and 1 of its pid namespace triggered"), "{}", told(&report));
        report.victims.clear();
        report.trigger = None;
        report.selection.outcome = Some(Outcome::NoKill);
        report.selection.policy = Some(Policy::NoneKillable);
        assert!(told(&report).ends_with(": no kill (none_killable)\n"));
    }

    #[test]
    fn keeps_hostile_names_in_their_line() {
        let line = told(&example::hostile_kill());
        assert!(line.bytes().all(|byte| byte >= 0x20 && byte != 0x7f || byte == b'\n'), "{line:?}");
        assert!(!line.contains(['\u{9b}', '\u{202e}']) && line.matches('\n').count() == 1, "{line:?}");
        assert!(columns_of(line.trim_end()) <= 256, "{line:?}");
        assert!(line.contains("\\x1b[2J"), "{line:?}");
    }

    #[test]
    fn shows_an_incident_once() {
        let (first, mut second) = (example::memcg_kill(), example::memcg_kill());
        second.id = "other".to_owned();
        let mut output = Vec::new();
        let mut sink = Line::new(&mut output, false);
        sink.decided(&first).unwrap();
        sink.decided(&first).unwrap();
        sink.closed(&second).unwrap();
        sink.closed(&first).unwrap();
        assert!(sink.told.is_empty());
        for number in 0..REMEMBERED + 10 {
            sink.decided(&Report { id: number.to_string(), ..first.clone() }).unwrap();
        }
        assert_eq!(sink.told.len(), REMEMBERED);
        assert_eq!(String::from_utf8(output).unwrap().lines().count(), 2 + REMEMBERED + 10);
    }

    #[test]
    fn corrects_a_line_whose_cause_has_changed() {
        let (first, mut second) = (example::memcg_kill(), example::memcg_kill());
        second.cause.code = Code::Unknown;
        let mut output = Vec::new();
        let mut sink = Line::new(&mut output, false);
        sink.decided(&first).unwrap();
        sink.closed(&second).unwrap();
        let text = String::from_utf8(output).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[1].contains(" unknown ") && lines[1].ends_with(" [corrected]"), "{text}");
    }

    #[test]
    fn reports_a_failing_output_and_colors_only_on_request() {
        assert!(Line::new(example::Broken, false).decided(&example::memcg_kill()).is_err());
        let mut output = Vec::new();
        Line::new(&mut output, true).closed(&example::memcg_kill()).unwrap();
        assert!(String::from_utf8(output).unwrap().contains("\x1b[31mpython3\x1b[0m (812"));
    }
}

//! A repeated decision, for people: the answer first, then before and after side by side, and the votes that differ.

use super::{
    Paint,
    full::sheet::Sheet,
    sanitize::{columns_of, cut, cut_front, name, sentence},
    units::{ABSENT, count, or_absent, pages, size},
};
use crate::{
    account::Whole,
    explain::{Outcome, Policy},
    whatif::{Answer, Decision, Memory, Room, Row, Victim, Vote},
};

/// Columns for a name: a task's has at most 15 bytes, so only escapes are cut.
const NAME_COLUMNS: usize = 16;
/// Columns for the path of a cgroup.
const PATH_COLUMNS: usize = 40;
/// Votes shown.
const ROWS: usize = 24;
/// Victims named.
const VICTIMS: usize = 4;

/// The whole answer.
pub(crate) fn text(answer: &Answer, colour: bool) -> String {
    let mut sheet = Sheet { text: String::new(), paint: Paint { colour } };
    sheet.line(&sheet.paint.bold(&sentence(&answer.summary)));
    let time = or_absent(answer.time.as_deref().map(sentence));
    sheet.section("incident", &format!("{}, {time}, {}", sentence(&answer.id), answer.cause.name()));
    for (index, change) in answer.changes.iter().enumerate() {
        let label = if index == 0 { "changed" } else { "" };
        sheet.section(label, &sentence(change));
    }
    side_by_side(&mut sheet, answer);
    votes(&mut sheet, answer);
    for (index, remark) in answer.remarks.iter().enumerate() {
        let label = if index == 0 { "remarks" } else { "" };
        sheet.section(label, &sentence(remark));
    }
    if answer.estimated {
        sheet.section("estimated", "~ marks points that are a sum of counters read beside the decision");
    }
    sheet.text
}

fn side_by_side(sheet: &mut Sheet, answer: &Answer) {
    let pair = |cell: fn(&Decision, u64) -> String| {
        (cell(&answer.before, answer.page_bytes), cell(&answer.after, answer.page_bytes))
    };
    let mut lines: Vec<(&str, (String, String))> = vec![
        ("", ("before".to_owned(), "after".to_owned())),
        ("policy", pair(|decision, _| or_absent(decision.policy.map(Policy::name)))),
        ("outcome", pair(outcome)),
        (
            "size",
            pair(|decision, page| or_absent(decision.total_pages.map(|total| pages(total, Some(page))))),
        ),
        ("points", pair(|decision, _| or_absent(decision.points.map(rank)))),
        ("margin", pair(margin)),
    ];
    lines.extend(answer.memory.as_ref().map(memory).into_iter().flatten());
    let most = answer.before.victims.len().max(answer.after.victims.len());
    for index in 0..most.clamp(1, VICTIMS) {
        let cell = |decision: &Decision| victim(decision, index);
        let label = if index == 0 { "killed" } else { "" };
        lines.push((label, (cell(&answer.before), cell(&answer.after))));
    }
    if most > VICTIMS {
        let rest = |decision: &Decision| match decision.victims.len().saturating_sub(VICTIMS) {
            0 => ABSENT.to_owned(),
            more => format!("and {more} more"),
        };
        lines.push(("", (rest(&answer.before), rest(&answer.after))));
    }
    let width = lines.iter().map(|(_, (before, _))| columns_of(before)).max().unwrap_or(0);
    for (label, (before, after)) in lines {
        let gap = " ".repeat(width.saturating_sub(columns_of(&before)));
        sheet.section(label, &format!("{before}{gap}  {after}"));
    }
}

/// The memory that ran out, a line for each figure.
fn memory(memory: &Memory) -> [(&'static str, (String, String)); 4] {
    let pair = |cell: fn(&Room) -> String| (cell(&memory.before), cell(&memory.after));
    let of = match memory.of {
        Whole::Cgroup => ("limit", "no limit"),
        Whole::Machine => ("memory", ABSENT),
    };
    let limit = |room: &Room| room.limit_bytes.map_or_else(|| of.1.to_owned(), size);
    [
        (of.0, (limit(&memory.before), limit(&memory.after))),
        ("in use", pair(|room| size(room.used_bytes))),
        ("left", pair(|room| or_absent(room.left_bytes.map(size)))),
        ("stays", pair(|room| format!("{} that no kill frees", size(room.stays_bytes)))),
    ]
}

fn outcome(decision: &Decision, _: u64) -> String {
    if decision.happens {
        or_absent(decision.outcome.map(Outcome::name))
    } else {
        "no OOM at this moment".to_owned()
    }
}

fn margin(decision: &Decision, page_bytes: u64) -> String {
    let Some(margin) = decision.margin_points else { return ABSENT.to_owned() };
    let margin =
        u64::try_from(margin).map_or_else(|_| count(margin), |margin| pages(margin, Some(page_bytes)));
    match decision.runner_up_pid {
        Some(pid) => format!("{margin} before pid {pid}"),
        None => margin,
    }
}

fn victim(decision: &Decision, index: usize) -> String {
    let Some(Victim { pid, comm, role, .. }) = decision.victims.get(index) else { return ABSENT.to_owned() };
    let comm = or_absent(comm.as_ref().map(|comm| name(comm.as_bytes())));
    format!("{comm} (pid {}), {}", or_absent(*pid), role.name())
}

/// Points, or the rank above all points.
fn rank(points: i64) -> String {
    if points == i64::MAX { "first of all (oom_flag_origin)".to_owned() } else { count(points) }
}

fn votes(sheet: &mut Sheet, answer: &Answer) {
    let differs = |row: &Row| row.before != row.after || row.before.dies || row.after.dies;
    let shown: Vec<&Row> = (0..)
        .zip(&answer.candidates)
        .filter(|(index, row)| *index < 2 || differs(row))
        .map(|(_, row)| row)
        .take(ROWS)
        .collect();
    if shown.is_empty() {
        return;
    }
    sheet.section(
        "candidates",
        &format!("{}, best first after the change", count_of(answer.candidates.len())),
    );
    let head = ["pid", "oom_score_adj", "points", "name", "what comes of it"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(shown.iter().map(|row| cells(row))).collect();
    sheet.table(&rows);
    let hidden = answer.candidates.len().saturating_sub(shown.len());
    if hidden > 0 {
        sheet.more(&format!("and {} more", count_of(hidden)));
    }
}

fn count_of(number: usize) -> String {
    count(i128::try_from(number).unwrap_or(i128::MAX))
}

fn cells(row: &Row) -> [String; 5] {
    let Row { pid, comm, cgroup, estimated, before, after } = row;
    let tilde = if *estimated { "~" } else { "" };
    let points = |vote: &Vote| or_absent(vote.points.map(rank));
    let path = cgroup.as_ref().map(|path| cut_front(path.as_bytes(), PATH_COLUMNS));
    let path = path.map_or_else(String::new, |path| format!("  {path}"));
    [
        or_absent(*pid),
        from_to(&or_absent(before.oom_score_adj), &or_absent(after.oom_score_adj)),
        from_to(&points(before), &format!("{tilde}{}", points(after))),
        or_absent(comm.as_ref().map(|comm| cut(comm.as_bytes(), NAME_COLUMNS))),
        format!("{}{path}", fate(before, after)),
    ]
}

fn from_to(before: &str, after: &str) -> String {
    if before == after { before.to_owned() } else { format!("{before} -> {after}") }
}

fn fate(before: &Vote, after: &Vote) -> String {
    let word = |vote: &Vote| match (vote.dies, vote.passed_over) {
        (true, _) => "dies".to_owned(),
        (false, Some(reason)) => format!("passed over ({reason})"),
        (false, None) => "lives".to_owned(),
    };
    from_to(&word(before), &word(after))
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::{
        account::Whole,
        bytes::ByteString,
        explain::{Code, Outcome, Policy},
        incident::Role,
        whatif::{Answer, Decision, Memory, Room, Row, SCHEMA, Victim, Vote},
    };

    fn decision(pid: i32, comm: &[u8], points: i64) -> Decision {
        let comm = Some(ByteString::from(comm.to_vec()));
        Decision {
            happens: true,
            policy: Some(Policy::Badness),
            outcome: Some(Outcome::Killed),
            total_pages: Some(16_384),
            points: Some(points),
            margin_points: Some(4_000),
            runner_up_pid: Some(7),
            victims: vec![Victim { pid: Some(pid), comm, cgroup: None, role: Role::Chosen }],
        }
    }

    fn row(pid: i32, comm: &[u8], adj: [i16; 2], points: [Option<i64>; 2], dies: [bool; 2]) -> Row {
        let vote = |index: usize| Vote {
            oom_score_adj: Some(adj[index]),
            points: points[index],
            passed_over: points[index].is_none().then_some("oom_score_adj_min"),
            dies: dies[index],
        };
        let cgroup = Some("/pods/db".into());
        let comm = Some(ByteString::from(comm.to_vec()));
        Row { pid: Some(pid), comm, cgroup, estimated: false, before: vote(0), after: vote(1) }
    }

    fn answer() -> Answer {
        Answer {
            schema: SCHEMA,
            id: "ea4a".to_owned(),
            time: None,
            cause: Code::MemcgLimit,
            page_bytes: 4096,
            changes: vec!["oom_score_adj 500 for redis (pid 812)".to_owned()],
            estimated: false,
            later: None,
            before: decision(901, b"py\x1b[2J", 9_003),
            after: decision(812, b"redis", 13_003),
            memory: None,
            candidates: vec![
                row(812, b"redis", [0, 500], [Some(5_003), Some(13_003)], [false, true]),
                row(901, b"py\x1b[2J", [0, 0], [Some(9_003); 2], [true, false]),
                row(950, b"shell", [0, 0], [Some(203); 2], [false, false]),
                row(33, b"agent", [-1000, -1000], [None; 2], [false, false]),
            ],
            remarks: vec!["a remark".to_owned()],
            summary: "with oom_score_adj 500 for redis (pid 812), ...".to_owned(),
        }
    }

    #[test]
    fn before_and_after_stand_side_by_side() {
        let expected = r#"with oom_score_adj 500 for redis (pid 812), ...
incident    ea4a, -, memcg_limit
changed     oom_score_adj 500 for redis (pid 812)
            before                               after
policy      badness                              badness
outcome     killed                               killed
size        16 384 pages (64.0 MiB)              16 384 pages (64.0 MiB)
points      9 003                                13 003
margin      4 000 pages (15.6 MiB) before pid 7  4 000 pages (15.6 MiB) before pid 7
killed      py\x1b[2J (pid 901), chosen          redis (pid 812), chosen
candidates  4, best first after the change
            pid  oom_score_adj           points       name  what comes of it
            812       0 -> 500  5 003 -> 13 003      redis  lives -> dies  /pods/db
            901              0            9 003  py\x1b[2J  dies -> lives  /pods/db
            and 2 more
remarks     a remark
"#;
        assert_eq!(text(&answer(), false), expected);
    }

    #[test]
    fn the_memory_stands_below_the_decision() {
        let room = |limit_bytes, left_bytes| Room {
            limit_bytes,
            used_bytes: 64 << 20,
            left_bytes,
            stays_bytes: 28 << 20,
            unknown_bytes: 0,
        };
        let (before, after) = (room(Some(64 << 20), Some(0)), room(None, None));
        let memory = Memory { of: Whole::Cgroup, before, after };
        let text = text(&Answer { memory: Some(memory), ..answer() }, false);
        for (label, cells) in [
            ("limit", ["64.0 MiB", "no limit"]),
            ("in use", ["64.0 MiB", "64.0 MiB"]),
            ("left", ["0 B", "-"]),
            ("stays", ["28.0 MiB that no kill frees", "28.0 MiB that no kill frees"]),
        ] {
            let line = text.lines().find(|line| line.starts_with(label)).unwrap();
            let found: Vec<&str> =
                line[12..].split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
            assert_eq!(found, cells, "{text}");
        }
    }

    #[test]
    fn a_decision_that_would_not_have_been_made_has_no_victim() {
        let answer = Answer { after: Decision::default(), candidates: Vec::new(), ..answer() };
        let text = text(&answer, false);
        assert!(text.contains("no OOM at this moment") && text.contains("chosen          -\n"), "{text}");
    }

    #[test]
    fn long_lists_end_and_estimates_are_marked() {
        let mut answer = answer();
        answer.estimated = true;
        answer.candidates[0].estimated = true;
        answer.candidates = vec![answer.candidates[0].clone(); 100];
        answer.after.victims = vec![answer.after.victims[0].clone(); 100];
        let text = text(&answer, true);
        assert!(text.contains("-> ~13 003") && text.contains("and 76 more") && text.contains("and 96 more"));
        assert!(text.starts_with("\x1b[1m") && text.contains("estimated"), "{text}");
    }
}
